"""
What happens at Toast's tills.

A refund is written into the check it gives money back of, so no check sells and takes back at
once; and of an item that came back Toast tells an amount and no quantity, so whole lines do.

Source: doc.toasttab.com/openapi/orders (Refund, RefundDetails)
"""

from connectors.simulation.counter import Habits

HABITS = Habits(exchanges=0, partial_units=False, discounts_come_back=False)
