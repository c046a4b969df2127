"""`natstui check` over real servers: the stages, their order, what is told, the exit code."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import socket
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from natstui import cli
from natstui.connection.options import ConnectOptions
from natstui.headless.diagnosis import STAGES, ServerDiagnosis
from tests.certificates import CertificateAuthority
from tests.credentials import Operator
from tests.faults import Peer, ScriptedServer
from tests.servers import NatsServer

ServerFactory = Callable[..., NatsServer]


@pytest.fixture
def check(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, dict[str, Any]]]:
    """`check("--server", …)`: the exit code and the JSON."""

    def run(*arguments: str) -> tuple[int, dict[str, Any]]:
        code = cli.main(["check", "--json", "--connection-timeout", "5s", *arguments])
        captured = capsys.readouterr()
        found: dict[str, Any] = json.loads(captured.out)
        assert found["exit_code"] == code
        assert captured.err == ""
        return code, found

    return run


def stages(found: dict[str, Any], server: int = 0) -> dict[str, dict[str, Any]]:
    return {stage["stage"]: stage for stage in found["servers"][server]["stages"]}


def statuses(found: dict[str, Any], server: int = 0) -> list[str]:
    reports = stages(found, server)
    return [reports[stage]["status"] for stage in STAGES]


def warnings(found: dict[str, Any]) -> list[str]:
    return [advice["text"] for advice in found["advice"] if advice["level"] == "warning"]


def test_a_healthy_server_with_jetstream_is_0(nats_server_factory: ServerFactory, check: Any) -> None:
    server = nats_server_factory(name="n1", jetstream=True)
    code, found = check("--server", server.url)
    assert (code, found["status"]) == (0, "ok")
    assert [stage["stage"] for stage in found["servers"][0]["stages"]] == list(STAGES)
    assert statuses(found) == ["ok", "ok", "ok", "skipped", "ok", "ok", "ok"]
    for stage in stages(found).values():
        assert (stage["ms"] is None) == (stage["status"] == "skipped")
    assert stages(found)["authentication"]["detail"] == "the server asks for none"
    assert stages(found)["JetStream"]["detail"].startswith("0 streams, 0 consumers")
    info = found["servers"][0]["info"]
    assert (info["server_name"], info["max_payload"], info["jetstream"]) == ("n1", 1_048_576, True)
    assert found["servers"][0]["rtt_ms"] > 0
    assert found["pings"] == {"ping_interval": 20.0, "max_outstanding_pings": 2, "detection": [40.0, 60.0]}
    assert found["advice"] == []


def test_it_is_printed_for_people(nats_server: NatsServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", "--server", nats_server.url, "--ping-interval", "500ms"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == nats_server.url
    assert [line.split(None, 1)[0] for line in lines[1:8]] == ["ok", "ok", "ok", "skipped", "ok", "ok", "skipped"]
    text = "\n".join(lines)
    for stage in STAGES:
        assert stage in text
    assert "payload 1,048,576 bytes" in text
    assert "pings: one every 500ms, 2 may go unanswered, so a silent server is noticed after 1s to 1.5s" in text
    assert lines[-1] == "result: ok"


@pytest.mark.parametrize(
    ("server", "failing", "said"),
    [
        ("nats://nowhere.invalid:4222", "name lookup", "does not resolve"),
        ("nats://127.0.0.1:1", "TCP", "connection refused"),
    ],
)
def test_a_server_that_cannot_be_reached_is_2_at_its_stage(server: str, failing: str, said: str, check: Any) -> None:
    code, found = check("--server", server)
    assert (code, found["status"]) == (2, "failed")
    place = STAGES.index(failing)
    assert statuses(found) == ["ok"] * place + ["failed"] + ["skipped"] * (6 - place)
    assert said in stages(found)[failing]["detail"]
    assert stages(found)[failing]["remedy"]
    assert [stage["stage"] for stage in found["servers"][0]["stages"]] == list(STAGES)


def test_refused_credentials_are_2_and_never_shown(
    nats_server_factory: ServerFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    server = nats_server_factory(user="ada", password="right")
    url = server.url.replace("://", "://ada:geheim@")
    assert cli.main(["check", "--json", "--server", url]) == 2
    captured = capsys.readouterr()
    assert "geheim" not in captured.out + captured.err
    assert "list of processes" in captured.err
    found = json.loads(captured.out)
    assert statuses(found) == ["ok", "ok", "ok", "skipped", "failed", "skipped", "skipped"]
    assert "refused the credentials" in stages(found)["authentication"]["detail"]


@pytest.mark.parametrize(
    ("variables", "remedy"),
    [
        ({"TOKEN": "wrong"}, "check the token"),
        ({"USER": "ada", "PASSWORD": "wrong"}, "check user and password"),
        ({"NKEY_SEED": Operator().user().key.seed}, "check the nkey seed"),
        ({"CREDENTIALS": Operator().user().text}, "check the JWT or .creds file"),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, dict) else "",
)
def test_the_remedy_is_about_the_credentials_that_were_presented(
    nats_server_factory: ServerFactory,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    remedy: str,
    check: Any,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(f"NATSTUI_{name}", value)
    code, found = check("--server", nats_server_factory(Operator().server_config()).url)
    assert code == 2 and stages(found)["authentication"]["remedy"].startswith(remedy)


def test_accepted_credentials_are_told_as_such(
    nats_server_factory: ServerFactory, check: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = nats_server_factory(user="ada", password="right")
    monkeypatch.setenv("NATSTUI_PASSWORD", "right")
    code, found = check("--server", server.url, "--user", "ada")
    assert code == 0
    assert stages(found)["authentication"]["detail"] == "accepted"


def test_of_two_servers_one_that_is_down_is_a_warning(nats_server: NatsServer, check: Any) -> None:
    code, found = check("--server", nats_server.url, "--server", "nats://127.0.0.1:1")
    assert (code, found["status"]) == (1, "warning")
    assert [server["status"] for server in found["servers"]] == ["ok", "failed"]


def test_tls_is_a_stage_with_its_certificate(
    nats_server_factory: ServerFactory, certificate_authority: CertificateAuthority, check: Any
) -> None:
    server = nats_server_factory(tls=certificate_authority.server())
    code, found = check("--server", server.url, "--root-certificates", str(certificate_authority.certificate))
    assert code == 0
    assert statuses(found) == ["ok", "ok", "ok", "ok", "ok", "ok", "skipped"]
    assert stages(found)["TLS"]["detail"].startswith("TLSv1")
    assert found["servers"][0]["certificate_expires"] is not None


def test_tls_first_is_walked_before_info(
    nats_server_factory: ServerFactory, certificate_authority: CertificateAuthority, check: Any
) -> None:
    server = nats_server_factory(tls=certificate_authority.server(), tls_first=True)
    code, found = check(
        "--server", server.url, "--root-certificates", str(certificate_authority.certificate), "--tls-first"
    )
    assert code == 0
    order = [stage["stage"] for stage in found["servers"][0]["stages"]]
    assert order.index("TLS") < order.index("INFO")
    assert statuses(found) == ["ok", "ok", "ok", "ok", "ok", "ok", "skipped"]


def test_an_unknown_authority_fails_at_tls(
    nats_server_factory: ServerFactory, certificate_authority: CertificateAuthority, check: Any
) -> None:
    server = nats_server_factory(tls=certificate_authority.server())
    code, found = check("--server", server.url)
    assert code == 2
    assert statuses(found) == ["ok", "ok", "ok", "failed", "skipped", "skipped", "skipped"]
    assert "authority that is not trusted" in stages(found)["TLS"]["detail"]


def test_a_missing_client_certificate_fails_at_tls_once(
    nats_server_factory: ServerFactory, certificate_authority: CertificateAuthority, check: Any
) -> None:
    server = nats_server_factory(tls=certificate_authority.server(), tls_verify=True)
    trust = str(certificate_authority.certificate)
    code, found = check("--server", server.url, "--root-certificates", trust)
    assert code == 2
    assert sorted(stage["stage"] for stage in found["servers"][0]["stages"]) == sorted(STAGES)
    assert stages(found)["TLS"]["status"] == "failed"
    client = certificate_authority.client()
    own = ("--client-certificate", str(client.certificate), "--client-key", str(client.key))
    code, found = check("--server", server.url, "--root-certificates", trust, *own)
    assert code == 0
    assert found["servers"][0]["client_certificate_expires"] is not None


def test_a_server_without_tls_fails_at_tls_where_it_is_required(nats_server: NatsServer, check: Any) -> None:
    code, found = check("--server", nats_server.url, "--require-tls")
    assert code == 2
    assert statuses(found) == ["ok", "ok", "ok", "failed", "skipped", "skipped", "skipped"]
    assert "the server offers none" in stages(found)["TLS"]["detail"]


def test_a_certificate_that_expires_soon_is_1(
    nats_server_factory: ServerFactory, certificate_authority: CertificateAuthority, check: Any
) -> None:
    server = nats_server_factory(tls=certificate_authority.server(expires_in=timedelta(days=3, hours=1)))
    code, found = check("--server", server.url, "--root-certificates", str(certificate_authority.certificate))
    assert code == 1
    (warning,) = warnings(found)
    assert warning.startswith(f"The certificate of {server.url} expires in 3 days")


def test_a_user_jwt_that_expires_soon_is_1_and_one_that_has_expired_is_2(
    nats_server_factory: ServerFactory, tmp_path: Path, check: Any
) -> None:
    operator = Operator()
    server = nats_server_factory(operator.server_config())
    credentials = tmp_path / "user.creds"
    credentials.write_text(operator.user(expires_in=5 * 3600 + 60).text)
    code, found = check("--server", server.url, "--credentials-file", str(credentials))
    assert (code, stages(found)["authentication"]["detail"]) == (1, "accepted")
    assert warnings(found)[0].startswith("The user JWT expires in 5 hours")
    assert found["servers"][0]["jwt_expires"] is not None
    credentials.write_text(operator.user(expires_in=-60).text)
    code, found = check("--server", server.url, "--credentials-file", str(credentials))
    assert code == 2
    assert "expired" in stages(found)["authentication"]["detail"]
    assert warnings(found)[0].startswith("The user JWT expired on ")


async def test_a_credentials_file_that_cannot_be_read_to_its_end_holds_up_nothing(
    nats_server_factory: ServerFactory, tmp_path: Path
) -> None:
    server = nats_server_factory(Operator().server_config())
    pipe = tmp_path / "pipe.creds"
    os.mkfifo(pipe)
    options = ConnectOptions(servers=server.url, credentials_file=pipe, connection_timeout=0.3)
    diagnosis = ServerDiagnosis(options, options.pool[0][0])
    async with asyncio.timeout(10):
        found = {report.stage: report async for report in diagnosis.walk()}
    os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
    assert "not ready within 0.3 s" in found["authentication"].detail


def test_the_ping_settings_are_judged(nats_server: NatsServer, check: Any) -> None:
    code, found = check("--server", nats_server.url, "--ping-interval", "2m")
    assert code == 1
    assert found["pings"]["detection"] == [240.0, 360.0]
    assert warnings(found)[0].startswith("A dead server goes unnoticed for up to 6m0s")
    assert any("load balancers" in advice["text"] for advice in found["advice"])


def test_a_context_is_checked_with_its_jetstream_domain(
    nats_server_factory: ServerFactory, own_environment: Path, check: Any
) -> None:
    server = nats_server_factory(jetstream=True)
    path = own_environment / "config" / "nats" / "context" / "prod.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"url": server.url}))
    code, found = check("--context", "prod")
    assert (code, stages(found)["JetStream"]["status"]) == (0, "ok")
    path.write_text(json.dumps({"url": server.url, "jetstream_domain": "hub"}))
    code, found = check("--context", "prod")
    assert (code, stages(found)["JetStream"]["status"]) == (1, "warning")
    assert "$JS.hub.API" in stages(found)["JetStream"]["detail"]
    assert "jetstream_domain" in stages(found)["JetStream"]["remedy"]


def test_what_an_account_may_have_of_jetstream_is_told(nats_server_factory: ServerFactory, check: Any) -> None:
    jetstream = {"max_streams": 3, "max_store": 4_000_000}
    server = nats_server_factory(
        jetstream=True,
        settings={"accounts": {"A": {"jetstream": jetstream, "users": [{"user": "a", "password": "a"}]}}},
        config="no_auth_user: a",
    )
    _, found = check("--server", server.url)
    assert stages(found)["JetStream"]["detail"].endswith("at most 3 streams, 4,000,000 bytes on disk")


def test_the_addresses_of_a_name_are_told(nats_server: NatsServer, check: Any) -> None:
    _, found = check("--server", f"nats://localhost:{nats_server.port}")
    assert "127.0.0.1" in stages(found)["name lookup"]["detail"].split(", ")


def test_servers_may_stand_together_with_commas(nats_server: NatsServer, check: Any) -> None:
    code, found = check("--server", f"{nats_server.url}, nats://127.0.0.1:1")
    assert code == 1 and [server["status"] for server in found["servers"]] == ["ok", "failed"]


@pytest.mark.parametrize(
    "form",
    ["creds", "creds data:", "user_jwt and user_seed", "user_jwt and user_seed in files", "user_jwt of a bearer"],
)
def test_a_context_s_credentials_are_accepted_by_a_real_server(
    nats_server_factory: ServerFactory, own_environment: Path, form: str, check: Any
) -> None:
    operator = Operator()
    server = nats_server_factory(operator.server_config())
    user = operator.user(permissions={"bearer_token": True} if "bearer" in form else None)
    (own_environment / "user.creds").write_text(user.text)
    (own_environment / "user.jwt").write_text(user.jwt + "\n")
    (own_environment / "user.nk").write_text(user.key.seed + "\n")
    values = {
        "creds": {"creds": "~/user.creds"},
        "creds data:": {"creds": "data:;base64," + base64.b64encode(user.text.encode()).decode()},
        "user_jwt and user_seed": {"user_jwt": user.jwt, "user_seed": user.key.seed},
        "user_jwt and user_seed in files": {"user_jwt": "~/user.jwt", "user_seed": str(own_environment / "user.nk")},
        "user_jwt of a bearer": {"user_jwt": user.jwt},
    }[form]
    path = own_environment / "config" / "nats" / "context" / "prod.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"url": server.url} | values))
    code, found = check("--context", "prod")
    assert (code, stages(found)["authentication"]["detail"]) == (0, "accepted")


def test_a_user_who_may_not_ask_jetstream_is_no_failure(
    nats_server_factory: ServerFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    server = nats_server_factory(
        jetstream=True, users=[{"user": "ada", "password": "p", "permissions": {"publish": "x"}}]
    )
    code = cli.main(["check", "--json", "--request-timeout", "30s", "--server", server.url.replace("://", "://ada:p@")])
    found = json.loads(capsys.readouterr().out)
    assert (code, stages(found)["JetStream"]["status"]) == (0, "skipped")
    assert "publish to $JS.API.INFO" in stages(found)["JetStream"]["detail"]


def test_somebody_who_listens_to_everything_is_not_taken_for_a_stuck_jetstream(
    nats_server: NatsServer, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_connection(("127.0.0.1", nats_server.port)) as listener, listener.makefile("rb") as lines:
        listener.sendall(b'CONNECT {"verbose":false}\r\nSUB > 1\r\nPING\r\n')
        while lines.readline() != b"PONG\r\n":
            pass
        code = cli.main(["check", "--json", "--server", nats_server.url])
    found = json.loads(capsys.readouterr().out)
    assert (code, stages(found)["JetStream"]["status"]) == (0, "skipped")


async def walk(server: ScriptedServer, **options: Any) -> ServerDiagnosis:
    chosen = ConnectOptions(servers=server.url, **options)
    ((address, userinfo),) = chosen.pool
    diagnosis = ServerDiagnosis(chosen, address, userinfo)
    seen = [report.stage async for report in diagnosis.walk()]
    assert seen == [report.stage for report in diagnosis.stages]
    return diagnosis


async def test_something_that_stays_silent_fails_at_info(scripted_server: Any) -> None:
    async def script(peer: Peer) -> None:
        await peer.hold()

    diagnosis = await walk(await scripted_server(script), connection_timeout=0.3)
    found = {report.stage: report for report in diagnosis.stages}
    assert found["INFO"].status == "failed"
    assert found["INFO"].seconds is not None and found["INFO"].seconds >= 0.2
    assert "sent no NATS greeting" in found["INFO"].detail


async def test_something_that_is_no_nats_server_fails_at_info(scripted_server: Any) -> None:
    async def script(peer: Peer) -> None:
        await peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await peer.hold()

    diagnosis = await walk(await scripted_server(script))
    assert {report.stage: report.status for report in diagnosis.stages}["INFO"] == "failed"


async def test_a_server_that_answers_no_first_ping_fails_at_ping(scripted_server: Any) -> None:
    async def script(peer: Peer) -> None:
        await peer.send_info()
        await peer.hold()

    diagnosis = await walk(await scripted_server(script), connection_timeout=0.5)
    assert [report.status for report in diagnosis.stages if report.stage == "ping"] == ["failed"]


async def test_a_server_that_sees_another_address_stands_behind_a_nat(scripted_server: Any) -> None:
    async def script(peer: Peer) -> None:
        await peer.handshake(client_ip="203.0.113.9")
        await peer.serve()

    diagnosis = await walk(await scripted_server(script), request_timeout=0.3)
    assert (diagnosis.behind_nat, diagnosis.local_ip) == (True, "127.0.0.1")
