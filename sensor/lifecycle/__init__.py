"""A sensor over years: its state is copied, put back, made free of what is to be forgotten, and looked over by the
program itself.
"""
