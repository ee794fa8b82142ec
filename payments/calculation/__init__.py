"""How a batch is calculated: chunk by chunk, in SQL where rows are many, in pure Python where
rules are.

`scope` says who is in a chunk, `claims` binds what is paid to its payment, `facts` sums it up,
`payslip` applies plans and limits (pure), `writing` stores the outcome. The services of batches
run these; nothing else does.
"""
