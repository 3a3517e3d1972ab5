"""The frame behind the evidence about a device, with the relevant bytes highlighted."""

from __future__ import annotations

from starlette.responses import Response

from sensor.console.hexview import rows
from sensor.console.page_request import PageRequest
from sensor.console.proofs import proof_of
from sensor.console.render import render
from sensor.core.foreign import part
from sensor.core.record_parts import objects
from sensor.evidence.layers import layers_of
from sensor.views.devices import device
from sensor.views.errors import Unknown


def page(request: PageRequest) -> Response:
    record = device(request.data, request.http.path_params["id"])
    observation, seen = request.first("observation"), request.first("seen")
    claims = [
        claim
        for claim in objects(record.get("evidence"))
        if (str(claim.get("observation")), str(claim.get("seen"))) == (observation, seen)
    ]
    if not claims:
        known = {str(claim.get("observation")) for claim in objects(record.get("evidence"))}
        raise Unknown("observation", observation, known)
    proof = proof_of(request.dataset, claims[0])
    frame = proof.frame
    return render(
        request, "proof.jinja", f"{observation} of {part(record, 'device').get('id')}", record=record,
        device=part(record, "device"), claims=claims, observation=observation, seen=seen, proof=proof,
        layers=layers_of(frame.data, frame.link) if frame is not None else (),
        bytes=list(rows(frame.data, proof.spans)) if frame is not None else (),
    )  # fmt: skip
