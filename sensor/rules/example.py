"""A file with one rule of each kind, with tests."""

EXAMPLE = """\
# Custom rules. `sensor rules check` lists their faults, `sensor rules test` runs their tests, `sensor rules try FILE CAPTURE` runs them on captures.
note: examples
sets:
  resolvers: [10.0.0.53, 10.0.1.0/28]
  admins: [10.0.9.0/24]
rules:
  # A rule matches if all conditions of `where` match, and no block of `unless` does. `sensor rules fields dns.query` lists the fields.
  - id: printer_unknown_resolver
    title: Printer queries an unknown DNS resolver
    summary: "{src} queried {dst} for {name}"
    severity: medium
    attack: [T1071.004]
    false_positives: A printer that was configured for another site.
    advice: Check who changed its network settings.
    when: dns.query
    where:
      src.type: [printer, label_printer]
      dst: {not: $resolvers}
    unless:
      name: {ends: [.local, .in-addr.arpa]}
    tests:
      - title: a public resolver
        devices: {10.0.0.9: {type: printer}}
        events: [{src: 10.0.0.9, dst: 198.51.100.53, name: x.example.com}]
      - title: our own resolver, and a laptop
        alerts: 0
        devices: {10.0.0.9: {type: printer}, 10.0.0.10: {type: workstation}}
        events:
          - {src: 10.0.0.9, dst: 10.0.1.3, name: x.example.com}
          - {src: 10.0.0.10, dst: 198.51.100.53, name: x.example.com}

  # Count: number of events, or of different values of the field `distinct`, for each `by`.
  - id: database_many_clients
    title: Many hosts connect to one database
    summary: "{count} hosts connected to {dst} on port 5432, most recently {src}"
    severity: low
    actor: dst
    when: flow.answered
    where: {dst: internal, dst.port: 5432}
    unless: {src: $admins}
    by: dst
    distinct: src
    count: 5
    within: 10m
    tests:
      - title: five hosts within a minute
        events:
          - {src: 10.0.0.1, dst: 10.0.0.99, dst.port: 5432, answered: true}
          - {src: 10.0.0.2, dst: 10.0.0.99, dst.port: 5432, answered: true, at: 10}
          - {src: 10.0.0.3, dst: 10.0.0.99, dst.port: 5432, answered: true, at: 20}
          - {src: 10.0.0.4, dst: 10.0.0.99, dst.port: 5432, answered: true, at: 30}
          - {src: 10.0.0.5, dst: 10.0.0.99, dst.port: 5432, answered: true, at: 40}
      - title: one host repeatedly
        alerts: 0
        events: [{src: 10.0.0.1, dst: 10.0.0.99, dst.port: 5432, answered: true, times: 50}]

  # Sequence: steps in this order with the same `by`, within a span.
  - id: dynamic_name_then_odd_port
    title: Dynamic DNS name, then a session on an unusual port
    summary: "{src} queried a dynamic DNS name, then connected to {dst} on port {dst.port}"
    severity: high
    attack: [T1571]
    false_positives: Remote access to a home network.
    by: src
    within: 5m
    sequence:
      - when: dns.query
        where: {name: {ends: [.duckdns.org, .no-ip.org, .hopto.org]}}
      - when: flow.answered
        where: {dst: external, dst.port: {above: 1024}}
        unless: {dst.port: [3478, 5061, 8443]}
    tests:
      - title: in this order
        events:
          - {src: 10.0.0.9, dst: 10.0.0.53, name: cam.duckdns.org}
          - {when: flow.answered, at: 5, src: 10.0.0.9, dst: 203.0.113.7, dst.port: 4444, answered: true}
      - title: reverse order
        alerts: 0
        events:
          - {when: flow.answered, src: 10.0.0.9, dst: 203.0.113.7, dst.port: 4444, answered: true}
          - {at: 5, src: 10.0.0.9, dst: 10.0.0.53, name: cam.duckdns.org}

  # Changes of devices in the inventory.
  - id: camera_of_unapproved_vendor
    title: Camera of an unapproved vendor
    summary: "{src} is of the unapproved vendor {src.vendor}"
    severity: low
    when: [device.new, device.identified]
    where: {src.type: camera}
    unless: {src.vendor: [Axis, Bosch]}
    tests:
      - title: another vendor
        events: [{when: device.identified, src: 10.0.0.7, src.type: camera, src.vendor: Dahua}]
      - title: an approved vendor
        alerts: 0
        events: [{when: device.identified, src: 10.0.0.7, src.type: camera, src.vendor: axis}]
"""
