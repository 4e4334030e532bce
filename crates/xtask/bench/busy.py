# A busy interpreter whose stacks differ: calls nest in an order drawn by chance, through code of Python, of its library and of C.
import json
import random
import re

chance = random.Random(1)
text = json.dumps({str(number): list(range(number)) for number in range(20)})


def plain(depth):
    return step(depth - 1) + sum(range(40))


def sorting(depth):
    return sum(sorted([3, 1, 2], key=lambda number: step(depth - 1) + number))


def matching(depth):
    return len(re.sub("a+", lambda found: str(step(depth - 1)), "baab"))


def reading(depth):
    json.loads(text)
    return step(depth - 1)


def step(depth):
    return 0 if depth <= 0 else chance.choice((plain, plain, plain, sorting, matching, reading))(depth)


while True:
    step(chance.randrange(12))
