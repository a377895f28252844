"""What simulated providers share: chance, goods, bills, trade, faults, their own sums."""
