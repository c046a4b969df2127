"""`natstui demo`: a real nats-server and sample traffic that end with the program that started them."""

from __future__ import annotations
