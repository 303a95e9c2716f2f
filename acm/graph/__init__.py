"""Policies drawn: who may share with whom, and who is in conflict."""

from xencim.acm.graph.dot import dot
from xencim.acm.graph.shape import Column, Edge, Graph, Node, graph_of
from xencim.acm.graph.svg import svg

__all__ = ["Column", "Edge", "Graph", "Node", "dot", "graph_of", "svg"]
