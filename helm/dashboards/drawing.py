"""Dashboards as Grafana reads them, by its own typed builders.

What they all share is decided here: the data source and the nodes are chosen by variables, legends are tables of what
matters, the pages are linked to one another. Written for Grafana 11 and whatever later one takes its dashboards.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TypeAlias

from grafana_foundation_sdk.builders import common, heatmap, prometheus, stat, timeseries
from grafana_foundation_sdk.builders import dashboard as page
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models import heatmap as heatmap_models
from grafana_foundation_sdk.models import prometheus as prometheus_models

from helm.dashboards.panels import NODES, Dashboard, Form, Panel, Query, Row

SOURCE = models.DataSourceRef(type_val="prometheus", uid="${datasource}")
TAG = "ringward"

_MATCHERS = 'namespace=~"$namespace", job="$job", instance=~"$instance"'
_GREEN, _AMBER, _RED = "green", "orange", "red"
_NUMBER_HEIGHT, _PICTURE_HEIGHT = 4, 8

_PanelBuilder: TypeAlias = timeseries.Panel | stat.Panel | heatmap.Panel


def draw(dashboard: Dashboard) -> str:
    """The dashboard in JSON, as a file ends: with a line feed."""
    return json.dumps(_page_of(dashboard).build(), cls=JSONEncoder, indent=2, ensure_ascii=False) + "\n"


def expression_of(query: Query) -> str:
    """What Prometheus is asked, with the variables of the dashboard for the nodes."""
    return query.expression.replace(NODES, _MATCHERS)


def _page_of(dashboard: Dashboard) -> page.Dashboard:
    drawn = (
        page.Dashboard(dashboard.title)
        .uid(f"ringward-{dashboard.name}")
        .description(dashboard.purpose)
        .tags([TAG])
        .timezone("browser")
        .time("now-1h", "now")
        .refresh("30s")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .variables(list(_variables(picks_rpc=dashboard.picks_rpc)))
        .link(_link_to_others())
    )
    number = 0
    for row in dashboard.rows:
        drawn = drawn.with_row(_drawn_row(row).id(number := number + 1))
        for panel in row.panels:
            drawn = drawn.with_panel(_drawn(panel).id(number := number + 1))
    return drawn


def _link_to_others() -> page.DashboardLink:
    others = page.DashboardLink("Ringward").type(models.DashboardLinkType.DASHBOARDS).tags([TAG])
    return others.as_dropdown(False).include_vars(True).keep_time(True)


def _variables(*, picks_rpc: bool) -> Iterator[page.DatasourceVariable | page.QueryVariable]:
    """Of these a namespace is missing where there is no Kubernetes: ``.*`` matches that as well."""
    yield page.DatasourceVariable("datasource").label("Data source").type("prometheus")
    yield _choice("namespace", "label_values(ringward_build_info, namespace)").label("Namespace").all_value(".*")
    yield _one_of("job", 'label_values(ringward_build_info{namespace=~"$namespace"}, job)').label("Job")
    nodes = 'ringward_build_info{namespace=~"$namespace", job="$job"}'
    yield _choice("instance", f"label_values({nodes}, instance)").label("Node").all_value(".*")
    if picks_rpc:
        calls = f"ringward_requests_total{{{_MATCHERS}}}"
        # Health and reflection are no work of callers.
        rpcs = _choice("rpc", f"label_values({calls}, rpc)").label("RPC").regex(r"/^base\.v1\..+/")
        yield rpcs.all_value("base.v1.+")


def _one_of(name: str, query: str) -> page.QueryVariable:
    variable = page.QueryVariable(name).datasource(SOURCE).query({"query": query, "refId": name})
    return variable.refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED).sort(models.VariableSort.ALPHABETICAL_ASC)


def _choice(name: str, query: str) -> page.QueryVariable:
    everything = models.VariableOption(selected=True, text="All", value="$__all")
    return _one_of(name, query).multi(True).include_all(True).current(everything)


def _drawn_row(row: Row) -> page.Row:
    return page.Row(row.title)


def _drawn(panel: Panel) -> _PanelBuilder:
    drawn = _form_of(panel).title(panel.title).datasource(SOURCE).span(panel.width)
    drawn = drawn.description(f"**Healthy:** {panel.healthy}\n\n**Otherwise:** {panel.otherwise}")
    for place, query in enumerate(panel.queries):
        asked = prometheus.Dataquery().expr(expression_of(query)).legend_format(query.legend or "__auto")
        asked = asked.ref_id(chr(ord("A") + place)).datasource(SOURCE).exemplar(query.exemplars)
        if panel.form is Form.HEATMAP:
            asked = asked.format(prometheus_models.PromQueryFormat.HEATMAP)
        drawn = drawn.with_target(asked.instant() if panel.form is Form.NUMBER else asked.range())
    return drawn


def _form_of(panel: Panel) -> _PanelBuilder:
    match panel.form:
        case Form.NUMBER:
            return _number(panel)
        case Form.HEATMAP:
            return _heatmap(panel)
        case Form.LINES | Form.STACK:
            return _lines(panel)


def _number(panel: Panel) -> stat.Panel:
    newest = common.ReduceDataOptions().calcs(["lastNotNull"])
    drawn = stat.Panel().height(_NUMBER_HEIGHT).unit(panel.unit.value).reduce_options(newest)
    names = any(query.legend for query in panel.queries)
    modes = common_models.BigValueTextMode
    drawn = drawn.text_mode(modes.VALUE_AND_NAME if names else modes.VALUE)
    drawn = drawn.graph_mode(common_models.BigValueGraphMode.NONE).thresholds(_thresholds(panel))
    return drawn.color_scheme(page.FieldColor().mode(models.FieldColorModeId.THRESHOLDS))


def _heatmap(panel: Panel) -> heatmap.Panel:
    colours = heatmap.HeatmapColorOptions().mode(heatmap_models.HeatmapColorMode.SCHEME).scheme("Oranges").steps(64)
    axis = heatmap.YAxisConfig().unit(panel.unit.value)
    return heatmap.Panel().height(_PICTURE_HEIGHT).color(colours).y_axis(axis)


def _lines(panel: Panel) -> timeseries.Panel:
    legend = (
        common.VizLegendOptions()
        .display_mode(common_models.LegendDisplayMode.TABLE)
        .placement(common_models.LegendPlacement.BOTTOM)
        .show_legend(True)
        .calcs(["lastNotNull", "max"])
        .sort_by("Max")
        .sort_desc(True)
    )
    tooltip = common.VizTooltipOptions().mode(common_models.TooltipDisplayMode.MULTI)
    drawn = timeseries.Panel().height(_PICTURE_HEIGHT).unit(panel.unit.value).min(0).legend(legend)
    drawn = drawn.tooltip(tooltip.sort(common_models.SortOrder.DESCENDING)).line_width(1)
    if panel.highest is not None:
        drawn = drawn.max(panel.highest)
    if panel.form is Form.STACK:
        stacking = common.StackingConfig().mode(common_models.StackingMode.NORMAL)
        drawn = drawn.stacking(stacking).fill_opacity(30)
    if panel.warns_at is not None or panel.alarms_at is not None:
        style = common.GraphThresholdsStyleConfig().mode(common_models.GraphThresholdsStyleMode.DASHED)
        drawn = drawn.thresholds(_thresholds(panel)).thresholds_style(style)
    return drawn


def _thresholds(panel: Panel) -> page.ThresholdsConfig:
    """From below upwards: what is good, then what warns, then what alarms; the other way round where little is bad."""
    bad = [(panel.warns_at, _AMBER), (panel.alarms_at, _RED)]
    given = [(value, colour) for value, colour in bad if value is not None]
    if not panel.is_low_bad:
        steps = [models.Threshold(value=None, color=_GREEN)]
        steps += [models.Threshold(value=value, color=colour) for value, colour in given]
    else:
        # Each colour begins where the worse one ends.
        colours = [_GREEN, *(colour for _, colour in given)]
        bounds = [value for value, _ in given]
        steps = [models.Threshold(value=None, color=colours.pop())]
        steps += [models.Threshold(value=bounds.pop(), color=colours.pop()) for _ in given]
    return page.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps)
