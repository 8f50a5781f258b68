from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Frame(_message.Message):
    __slots__ = ("asks", "cancellations", "answers", "taken", "farewell")
    ASKS_FIELD_NUMBER: _ClassVar[int]
    CANCELLATIONS_FIELD_NUMBER: _ClassVar[int]
    ANSWERS_FIELD_NUMBER: _ClassVar[int]
    TAKEN_FIELD_NUMBER: _ClassVar[int]
    FAREWELL_FIELD_NUMBER: _ClassVar[int]
    asks: _containers.RepeatedCompositeFieldContainer[Ask]
    cancellations: _containers.RepeatedScalarFieldContainer[int]
    answers: _containers.RepeatedCompositeFieldContainer[Answer]
    taken: int
    farewell: bool
    def __init__(self, asks: _Optional[_Iterable[_Union[Ask, _Mapping[str, object]]]] = ..., cancellations: _Optional[_Iterable[int]] = ..., answers: _Optional[_Iterable[_Union[Answer, _Mapping[str, object]]]] = ..., taken: _Optional[int] = ..., farewell: _Optional[bool] = ...) -> None: ...

class Ask(_message.Message):
    __slots__ = ("id", "request", "timeout_ms", "wants_evidence", "request_id", "traceparent", "tracestate")
    ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
    WANTS_EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    TRACEPARENT_FIELD_NUMBER: _ClassVar[int]
    TRACESTATE_FIELD_NUMBER: _ClassVar[int]
    id: int
    request: bytes
    timeout_ms: int
    wants_evidence: bool
    request_id: str
    traceparent: str
    tracestate: str
    def __init__(self, id: _Optional[int] = ..., request: _Optional[bytes] = ..., timeout_ms: _Optional[int] = ..., wants_evidence: _Optional[bool] = ..., request_id: _Optional[str] = ..., traceparent: _Optional[str] = ..., tracestate: _Optional[str] = ...) -> None: ...

class Request(_message.Message):
    __slots__ = ("tenant", "schema_version", "snap_token", "questions", "depth", "context")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_VERSION_FIELD_NUMBER: _ClassVar[int]
    SNAP_TOKEN_FIELD_NUMBER: _ClassVar[int]
    QUESTIONS_FIELD_NUMBER: _ClassVar[int]
    DEPTH_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    schema_version: str
    snap_token: str
    questions: _containers.RepeatedCompositeFieldContainer[Question]
    depth: int
    context: Context
    def __init__(self, tenant: _Optional[str] = ..., schema_version: _Optional[str] = ..., snap_token: _Optional[str] = ..., questions: _Optional[_Iterable[_Union[Question, _Mapping[str, object]]]] = ..., depth: _Optional[int] = ..., context: _Optional[_Union[Context, _Mapping[str, object]]] = ...) -> None: ...

class Question(_message.Message):
    __slots__ = ("entity_type", "entity_id", "permission", "subject_type", "subject_id", "subject_relation", "arguments")
    ENTITY_TYPE_FIELD_NUMBER: _ClassVar[int]
    ENTITY_ID_FIELD_NUMBER: _ClassVar[int]
    PERMISSION_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_TYPE_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_ID_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_RELATION_FIELD_NUMBER: _ClassVar[int]
    ARGUMENTS_FIELD_NUMBER: _ClassVar[int]
    entity_type: str
    entity_id: str
    permission: str
    subject_type: str
    subject_id: str
    subject_relation: str
    arguments: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, entity_type: _Optional[str] = ..., entity_id: _Optional[str] = ..., permission: _Optional[str] = ..., subject_type: _Optional[str] = ..., subject_id: _Optional[str] = ..., subject_relation: _Optional[str] = ..., arguments: _Optional[_Iterable[str]] = ...) -> None: ...

class Context(_message.Message):
    __slots__ = ("tuples", "attributes", "json")
    TUPLES_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    JSON_FIELD_NUMBER: _ClassVar[int]
    tuples: _containers.RepeatedCompositeFieldContainer[Tuple]
    attributes: _containers.RepeatedCompositeFieldContainer[Attribute]
    json: str
    def __init__(self, tuples: _Optional[_Iterable[_Union[Tuple, _Mapping[str, object]]]] = ..., attributes: _Optional[_Iterable[_Union[Attribute, _Mapping[str, object]]]] = ..., json: _Optional[str] = ...) -> None: ...

class Tuple(_message.Message):
    __slots__ = ("entity_type", "entity_id", "relation", "subject_type", "subject_id", "subject_relation")
    ENTITY_TYPE_FIELD_NUMBER: _ClassVar[int]
    ENTITY_ID_FIELD_NUMBER: _ClassVar[int]
    RELATION_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_TYPE_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_ID_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_RELATION_FIELD_NUMBER: _ClassVar[int]
    entity_type: str
    entity_id: str
    relation: str
    subject_type: str
    subject_id: str
    subject_relation: str
    def __init__(self, entity_type: _Optional[str] = ..., entity_id: _Optional[str] = ..., relation: _Optional[str] = ..., subject_type: _Optional[str] = ..., subject_id: _Optional[str] = ..., subject_relation: _Optional[str] = ...) -> None: ...

class Attribute(_message.Message):
    __slots__ = ("entity_type", "entity_id", "name", "kind", "booleans", "strings", "integers", "doubles")
    ENTITY_TYPE_FIELD_NUMBER: _ClassVar[int]
    ENTITY_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    BOOLEANS_FIELD_NUMBER: _ClassVar[int]
    STRINGS_FIELD_NUMBER: _ClassVar[int]
    INTEGERS_FIELD_NUMBER: _ClassVar[int]
    DOUBLES_FIELD_NUMBER: _ClassVar[int]
    entity_type: str
    entity_id: str
    name: str
    kind: int
    booleans: _containers.RepeatedScalarFieldContainer[bool]
    strings: _containers.RepeatedScalarFieldContainer[str]
    integers: _containers.RepeatedScalarFieldContainer[int]
    doubles: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, entity_type: _Optional[str] = ..., entity_id: _Optional[str] = ..., name: _Optional[str] = ..., kind: _Optional[int] = ..., booleans: _Optional[_Iterable[bool]] = ..., strings: _Optional[_Iterable[str]] = ..., integers: _Optional[_Iterable[int]] = ..., doubles: _Optional[_Iterable[float]] = ...) -> None: ...

class Answer(_message.Message):
    __slots__ = ("id", "finding", "error")
    ID_FIELD_NUMBER: _ClassVar[int]
    FINDING_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    id: int
    finding: bytes
    error: Error
    def __init__(self, id: _Optional[int] = ..., finding: _Optional[bytes] = ..., error: _Optional[_Union[Error, _Mapping[str, object]]] = ...) -> None: ...

class Finding(_message.Message):
    __slots__ = ("outcomes", "snapshot", "schema_version", "evidence")
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_VERSION_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    outcomes: _containers.RepeatedCompositeFieldContainer[Outcome]
    snapshot: Snapshot
    schema_version: str
    evidence: Evidence
    def __init__(self, outcomes: _Optional[_Iterable[_Union[Outcome, _Mapping[str, object]]]] = ..., snapshot: _Optional[_Union[Snapshot, _Mapping[str, object]]] = ..., schema_version: _Optional[str] = ..., evidence: _Optional[_Union[Evidence, _Mapping[str, object]]] = ...) -> None: ...

class Outcome(_message.Message):
    __slots__ = ("verdict", "error", "check_count")
    class Verdict(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        VERDICT_UNSPECIFIED: _ClassVar[Outcome.Verdict]
        VERDICT_ALLOWED: _ClassVar[Outcome.Verdict]
        VERDICT_DENIED: _ClassVar[Outcome.Verdict]
    VERDICT_UNSPECIFIED: Outcome.Verdict
    VERDICT_ALLOWED: Outcome.Verdict
    VERDICT_DENIED: Outcome.Verdict
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    CHECK_COUNT_FIELD_NUMBER: _ClassVar[int]
    verdict: Outcome.Verdict
    error: Error
    check_count: int
    def __init__(self, verdict: _Optional[_Union[Outcome.Verdict, str]] = ..., error: _Optional[_Union[Error, _Mapping[str, object]]] = ..., check_count: _Optional[int] = ...) -> None: ...

class Snapshot(_message.Message):
    __slots__ = ("xmin", "xmax", "in_progress")
    XMIN_FIELD_NUMBER: _ClassVar[int]
    XMAX_FIELD_NUMBER: _ClassVar[int]
    IN_PROGRESS_FIELD_NUMBER: _ClassVar[int]
    xmin: int
    xmax: int
    in_progress: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, xmin: _Optional[int] = ..., xmax: _Optional[int] = ..., in_progress: _Optional[_Iterable[int]] = ...) -> None: ...

class Evidence(_message.Message):
    __slots__ = ("since", "until", "history", "keys")
    SINCE_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    HISTORY_FIELD_NUMBER: _ClassVar[int]
    KEYS_FIELD_NUMBER: _ClassVar[int]
    since: Snapshot
    until: Snapshot
    history: str
    keys: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, since: _Optional[_Union[Snapshot, _Mapping[str, object]]] = ..., until: _Optional[_Union[Snapshot, _Mapping[str, object]]] = ..., history: _Optional[str] = ..., keys: _Optional[_Iterable[int]] = ...) -> None: ...

class Error(_message.Message):
    __slots__ = ("kind", "message", "code", "retry_after_s", "place")
    KIND_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    RETRY_AFTER_S_FIELD_NUMBER: _ClassVar[int]
    PLACE_FIELD_NUMBER: _ClassVar[int]
    kind: str
    message: str
    code: int
    retry_after_s: float
    place: Place
    def __init__(self, kind: _Optional[str] = ..., message: _Optional[str] = ..., code: _Optional[int] = ..., retry_after_s: _Optional[float] = ..., place: _Optional[_Union[Place, _Mapping[str, object]]] = ...) -> None: ...

class Place(_message.Message):
    __slots__ = ("line", "column", "source_line", "hint")
    LINE_FIELD_NUMBER: _ClassVar[int]
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    SOURCE_LINE_FIELD_NUMBER: _ClassVar[int]
    HINT_FIELD_NUMBER: _ClassVar[int]
    line: int
    column: int
    source_line: str
    hint: str
    def __init__(self, line: _Optional[int] = ..., column: _Optional[int] = ..., source_line: _Optional[str] = ..., hint: _Optional[str] = ...) -> None: ...

class CardRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class CardResponse(_message.Message):
    __slots__ = ("cluster", "lowest_protocol", "highest_protocol", "address", "zone", "weight", "release", "state")
    class State(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        STATE_UNSPECIFIED: _ClassVar[CardResponse.State]
        STATE_JOINING: _ClassVar[CardResponse.State]
        STATE_SERVING: _ClassVar[CardResponse.State]
        STATE_LEAVING: _ClassVar[CardResponse.State]
    STATE_UNSPECIFIED: CardResponse.State
    STATE_JOINING: CardResponse.State
    STATE_SERVING: CardResponse.State
    STATE_LEAVING: CardResponse.State
    CLUSTER_FIELD_NUMBER: _ClassVar[int]
    LOWEST_PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    HIGHEST_PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    ZONE_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    RELEASE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    cluster: str
    lowest_protocol: int
    highest_protocol: int
    address: str
    zone: str
    weight: int
    release: str
    state: CardResponse.State
    def __init__(self, cluster: _Optional[str] = ..., lowest_protocol: _Optional[int] = ..., highest_protocol: _Optional[int] = ..., address: _Optional[str] = ..., zone: _Optional[str] = ..., weight: _Optional[int] = ..., release: _Optional[str] = ..., state: _Optional[_Union[CardResponse.State, str]] = ...) -> None: ...

class WarmRequest(_message.Message):
    __slots__ = ("address", "zone", "weight", "most")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    ZONE_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    MOST_FIELD_NUMBER: _ClassVar[int]
    address: str
    zone: str
    weight: int
    most: int
    def __init__(self, address: _Optional[str] = ..., zone: _Optional[str] = ..., weight: _Optional[int] = ..., most: _Optional[int] = ...) -> None: ...

class WarmAnswers(_message.Message):
    __slots__ = ("answers",)
    ANSWERS_FIELD_NUMBER: _ClassVar[int]
    answers: _containers.RepeatedCompositeFieldContainer[KeptAnswer]
    def __init__(self, answers: _Optional[_Iterable[_Union[KeptAnswer, _Mapping[str, object]]]] = ...) -> None: ...

class KeptAnswer(_message.Message):
    __slots__ = ("key", "depth", "outcome", "evidence")
    KEY_FIELD_NUMBER: _ClassVar[int]
    DEPTH_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    key: _containers.RepeatedScalarFieldContainer[str]
    depth: int
    outcome: Outcome
    evidence: Evidence
    def __init__(self, key: _Optional[_Iterable[str]] = ..., depth: _Optional[int] = ..., outcome: _Optional[_Union[Outcome, _Mapping[str, object]]] = ..., evidence: _Optional[_Union[Evidence, _Mapping[str, object]]] = ...) -> None: ...

class DescribeRequest(_message.Message):
    __slots__ = ("with_others",)
    WITH_OTHERS_FIELD_NUMBER: _ClassVar[int]
    with_others: bool
    def __init__(self, with_others: _Optional[bool] = ...) -> None: ...

class DescribeResponse(_message.Message):
    __slots__ = ("descriptions", "silences")
    DESCRIPTIONS_FIELD_NUMBER: _ClassVar[int]
    SILENCES_FIELD_NUMBER: _ClassVar[int]
    descriptions: _containers.RepeatedCompositeFieldContainer[Description]
    silences: _containers.RepeatedCompositeFieldContainer[Silence]
    def __init__(self, descriptions: _Optional[_Iterable[_Union[Description, _Mapping[str, object]]]] = ..., silences: _Optional[_Iterable[_Union[Silence, _Mapping[str, object]]]] = ...) -> None: ...

class Description(_message.Message):
    __slots__ = ("card", "is_zonal", "places", "refused", "counts", "peers")
    class RefusedEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    CARD_FIELD_NUMBER: _ClassVar[int]
    IS_ZONAL_FIELD_NUMBER: _ClassVar[int]
    PLACES_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    PEERS_FIELD_NUMBER: _ClassVar[int]
    card: CardResponse
    is_zonal: bool
    places: _containers.RepeatedCompositeFieldContainer[MemberPlace]
    refused: _containers.ScalarMap[str, str]
    counts: Counts
    peers: _containers.RepeatedCompositeFieldContainer[PeerState]
    def __init__(self, card: _Optional[_Union[CardResponse, _Mapping[str, object]]] = ..., is_zonal: _Optional[bool] = ..., places: _Optional[_Iterable[_Union[MemberPlace, _Mapping[str, object]]]] = ..., refused: _Optional[_Mapping[str, str]] = ..., counts: _Optional[_Union[Counts, _Mapping[str, object]]] = ..., peers: _Optional[_Iterable[_Union[PeerState, _Mapping[str, object]]]] = ...) -> None: ...

class MemberPlace(_message.Message):
    __slots__ = ("address", "zone", "weight", "release", "share_ratio")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    ZONE_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    RELEASE_FIELD_NUMBER: _ClassVar[int]
    SHARE_RATIO_FIELD_NUMBER: _ClassVar[int]
    address: str
    zone: str
    weight: int
    release: str
    share_ratio: float
    def __init__(self, address: _Optional[str] = ..., zone: _Optional[str] = ..., weight: _Optional[int] = ..., release: _Optional[str] = ..., share_ratio: _Optional[float] = ...) -> None: ...

class Counts(_message.Message):
    __slots__ = ("cached_answers", "cached_bytes", "cache_asked", "cache_given", "owned", "near", "passed_on", "unanswered", "answered_for_peers", "joined", "left", "engine_losses")
    CACHED_ANSWERS_FIELD_NUMBER: _ClassVar[int]
    CACHED_BYTES_FIELD_NUMBER: _ClassVar[int]
    CACHE_ASKED_FIELD_NUMBER: _ClassVar[int]
    CACHE_GIVEN_FIELD_NUMBER: _ClassVar[int]
    OWNED_FIELD_NUMBER: _ClassVar[int]
    NEAR_FIELD_NUMBER: _ClassVar[int]
    PASSED_ON_FIELD_NUMBER: _ClassVar[int]
    UNANSWERED_FIELD_NUMBER: _ClassVar[int]
    ANSWERED_FOR_PEERS_FIELD_NUMBER: _ClassVar[int]
    JOINED_FIELD_NUMBER: _ClassVar[int]
    LEFT_FIELD_NUMBER: _ClassVar[int]
    ENGINE_LOSSES_FIELD_NUMBER: _ClassVar[int]
    cached_answers: int
    cached_bytes: int
    cache_asked: int
    cache_given: int
    owned: int
    near: int
    passed_on: int
    unanswered: int
    answered_for_peers: int
    joined: int
    left: int
    engine_losses: int
    def __init__(self, cached_answers: _Optional[int] = ..., cached_bytes: _Optional[int] = ..., cache_asked: _Optional[int] = ..., cache_given: _Optional[int] = ..., owned: _Optional[int] = ..., near: _Optional[int] = ..., passed_on: _Optional[int] = ..., unanswered: _Optional[int] = ..., answered_for_peers: _Optional[int] = ..., joined: _Optional[int] = ..., left: _Optional[int] = ..., engine_losses: _Optional[int] = ...) -> None: ...

class PeerState(_message.Message):
    __slots__ = ("address", "is_connected", "breaker", "in_flight", "asked", "answered", "failed", "protocol", "trouble")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    IS_CONNECTED_FIELD_NUMBER: _ClassVar[int]
    BREAKER_FIELD_NUMBER: _ClassVar[int]
    IN_FLIGHT_FIELD_NUMBER: _ClassVar[int]
    ASKED_FIELD_NUMBER: _ClassVar[int]
    ANSWERED_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    TROUBLE_FIELD_NUMBER: _ClassVar[int]
    address: str
    is_connected: bool
    breaker: str
    in_flight: int
    asked: int
    answered: int
    failed: int
    protocol: int
    trouble: str
    def __init__(self, address: _Optional[str] = ..., is_connected: _Optional[bool] = ..., breaker: _Optional[str] = ..., in_flight: _Optional[int] = ..., asked: _Optional[int] = ..., answered: _Optional[int] = ..., failed: _Optional[int] = ..., protocol: _Optional[int] = ..., trouble: _Optional[str] = ...) -> None: ...

class Silence(_message.Message):
    __slots__ = ("address", "reason")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    address: str
    reason: str
    def __init__(self, address: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class OwnerRequest(_message.Message):
    __slots__ = ("tenant", "schema_version", "question")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_VERSION_FIELD_NUMBER: _ClassVar[int]
    QUESTION_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    schema_version: str
    question: Question
    def __init__(self, tenant: _Optional[str] = ..., schema_version: _Optional[str] = ..., question: _Optional[_Union[Question, _Mapping[str, object]]] = ...) -> None: ...

class OwnerResponse(_message.Message):
    __slots__ = ("schema_version", "owners", "error")
    SCHEMA_VERSION_FIELD_NUMBER: _ClassVar[int]
    OWNERS_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    schema_version: str
    owners: _containers.RepeatedCompositeFieldContainer[MemberPlace]
    error: Error
    def __init__(self, schema_version: _Optional[str] = ..., owners: _Optional[_Iterable[_Union[MemberPlace, _Mapping[str, object]]]] = ..., error: _Optional[_Union[Error, _Mapping[str, object]]] = ...) -> None: ...

class DrainRequest(_message.Message):
    __slots__ = ("address",)
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    address: str
    def __init__(self, address: _Optional[str] = ...) -> None: ...

class DrainResponse(_message.Message):
    __slots__ = ("error",)
    ERROR_FIELD_NUMBER: _ClassVar[int]
    error: Error
    def __init__(self, error: _Optional[_Union[Error, _Mapping[str, object]]] = ...) -> None: ...
