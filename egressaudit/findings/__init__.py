"""What is wrong with a window's flows, and what could not be seen of it: findings, each with its code and its proof.

In: rulings (`judge`), the logs that were read, the snapshot, the policy. Out: sorted `model.Finding`s and a `Coverage`.
"""
