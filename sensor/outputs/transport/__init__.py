"""How outputs reach their destinations: connections, TLS, proxies, secrets, HTTP, NATS, and ticket systems."""
