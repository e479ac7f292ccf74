"""The files in deploy/ fit each other, the app's settings, and the versions that the tests run."""

from __future__ import annotations

import re
from typing import Any

import yaml
from served_app import ROOT

DEPLOY = ROOT / "deploy"


def documents(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((DEPLOY / name).read_text(encoding="utf-8")))


def named(documents: list[dict[str, Any]], kind: str, name: str) -> dict[str, Any]:
    (document,) = (each for each in documents if (each["kind"], each["metadata"]["name"]) == (kind, name))
    return document


def test_nginx_and_caddy_ask_the_ports_on_which_the_pages_of_compose_answer() -> None:
    (compose,) = documents("compose.yaml")
    pages = [part for name, part in compose["services"].items() if name.startswith("page-")]
    ports = [part["environment"]["ARENA_PORT"] for part in pages]
    nginx, caddy = ((DEPLOY / name).read_text(encoding="utf-8") for name in ("nginx.conf", "Caddyfile"))
    assert re.findall(r"server 127\.0\.0\.1:(\d+)", nginx) == re.findall(r"127\.0\.0\.1:(\d+)", caddy) == ports
    assert compose["services"]["nginx"]["ports"] == ["80:" + re.findall(r"listen (\d+);", nginx)[0]]
    for part in compose["services"].values():
        for volume in part.get("volumes", []):
            source = volume.partition(":")[0]
            assert (DEPLOY / source).is_file() if source.startswith("./") else source in compose["volumes"]


def test_the_pages_ask_models_that_the_gateway_has() -> None:
    gateway = {entry["model_name"] for entry in documents("litellm.yaml")[0]["model_list"]}
    for name in ("compose.yaml", "kubernetes.yaml", "litellm.yaml"):
        models = re.findall(r"openai:http://\w+:4000/v1#(\w+)", (DEPLOY / name).read_text(encoding="utf-8"))
        assert len(models) == 2 and set(models) == gateway


def test_kubernetes_keeps_a_browser_with_one_page_and_names_what_is_there() -> None:
    parts = documents("kubernetes.yaml")
    ingress = named(parts, "Ingress", "arena")
    assert ingress["metadata"]["annotations"]["nginx.ingress.kubernetes.io/affinity"] == "cookie"
    (path,) = ingress["spec"]["rules"][0]["http"]["paths"]
    assert path["backend"]["service"]["name"] == named(parts, "Service", "arena")["metadata"]["name"]
    for name in ("arena", "litellm"):
        (container,) = named(parts, "Deployment", name)["spec"]["template"]["spec"]["containers"]
        port = named(parts, "Service", name)["spec"]["ports"][0]
        assert container["ports"] == [{"containerPort": port.get("targetPort", port["port"])}]
    assert named(parts, "PersistentVolumeClaim", "arena-votes")["spec"]["accessModes"] == ["ReadWriteMany"]


def test_the_gateway_that_is_deployed_is_the_one_that_is_tested() -> None:
    tested = (ROOT / "tests/commands/requirements-litellm.txt").read_text(encoding="utf-8").strip()
    for name in ("compose.yaml", "kubernetes.yaml"):
        assert re.findall(r"litellm\[proxy\]==[\d.]+", (DEPLOY / name).read_text(encoding="utf-8")) == [tested]


def test_every_setting_is_one_of_the_apps() -> None:
    known = set(re.findall(r"ARENA_[A-Z_]+", (ROOT / "docs/settings.md").read_text(encoding="utf-8")))
    for path in DEPLOY.iterdir():
        assert set(re.findall(r"ARENA_[A-Z_]+", path.read_text(encoding="utf-8"))) <= known
