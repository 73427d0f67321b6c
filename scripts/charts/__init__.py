# SPDX-License-Identifier: Apache-2.0
"""The charts of a report: one module per question, each giving a figure, its words and its table.

style.py holds what all of them share (who has which colour, letter, marker and dash), picture.py
turns a figure into accessible SVG and PNG, tables.py formats numbers, page.py binds everything
into one HTML file. Who wins, and whether two strategies are separated, is decided in analysis.py
and only drawn here.
"""
