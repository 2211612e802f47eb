"""What every technique of its kind must do; add below what is special about this one, such as a step by hand."""

from nnreg import testing

test_it_keeps_its_contract = testing.suite("my_kind/my_rule")
