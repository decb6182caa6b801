"""The rules of NSE, BSE and MCX, each with its dates of validity."""
