"""Stratum: subscribe and authorize (Bitcoin), an Ethereum login, a Monero login with a job, and a JSON-RPC client that
is not a miner.
"""

from __future__ import annotations

from pcaps.dissectors._frames import DESKTOP, GATEWAY, Frames, conversation

POOL = "203.0.113.33"


def frames() -> Frames:
    yield from conversation(
        (DESKTOP, "10.20.30.14", 49300),
        (GATEWAY, POOL, 3333),
        [
            (True, b'{"id":1,"method":"mining.subscribe","params":["cgminer/4.10.0"]}\n'),
            (False, b'{"id":1,"result":[[["mining.notify","ae68"]],"08000002",4],"error":null}\n'),
            (True, b'{"id":2,"method":"mining.authorize","params":["1ExampleAccount.rig4","x"]}\n'),
            (
                False,
                b'{"id":2,"result":true,"error":null}\n{"id":null,"method":"mining.set_difficulty","params":[512]}\n',
            ),
        ],
    )
    yield from conversation(
        (DESKTOP, "10.20.30.14", 49301),
        (GATEWAY, POOL, 9999),
        [
            (
                True,
                (
                    b'{"worker": "eth1.0", "jsonrpc": "2.0", "params": ["0x00exampleaccount/rig1", "x"], "id": 2, '
                    b'"method": "eth_submitLogin"}\n'
                ),
            ),
            (False, b'{"jsonrpc":"2.0","id":2,"result":true}\n'),
        ],
    )
    yield from conversation(
        (DESKTOP, "10.20.30.14", 49302),
        (GATEWAY, POOL, 443),
        [
            (
                True,
                b'{"method":"login","params":{"login":"4ExampleAccount","pass":"x","agent":"xmr-stak-cpu/1.3.0"},"id":1}\n',
            ),
            (
                False,
                b'{"id":1,"jsonrpc":"2.0","error":null,"result":{"id":"1","job":{"blob":"0606","job_id":"7"},"status":"OK"}}\n',
            ),
            (False, b'{"jsonrpc":"2.0","method":"job","params":{"blob":"0606","job_id":"8","target":"dc460300"}}\n'),
            (True, b'{"method":"submit","params":{"id":"1","job_id":"8","nonce":"98024001","result":"c9be"},"id":2}\n'),
        ],
    )
    other = [(True, b'{"id":1,"method":"login","params":{"login":"admin"}}\n'), (False, b'{"id":1,"result":"ok"}\n')]
    yield from conversation((DESKTOP, "10.20.30.14", 49303), (GATEWAY, "10.20.30.1", 4444), other * 4)
