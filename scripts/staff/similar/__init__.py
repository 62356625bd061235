"""Which submissions of a class are more alike than independent right answers are.

normal    the code of an exercise as tokens: names, order and style of writing do not count
compare   how much two such rows share (copydetect), and how much independent right answers share
read      the submissions of a folder
page      the report, side by side
"""
