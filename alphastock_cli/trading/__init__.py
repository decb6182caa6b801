"""From a signal to a fill: admission, risk, sizing, matching, the paper broker, the portfolio."""
