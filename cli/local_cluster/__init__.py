"""A whole cluster on one machine, to play with: servers, nodes and a balancer, which all end with the command."""
