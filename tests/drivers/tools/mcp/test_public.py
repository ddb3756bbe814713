"""Public servers of tools, as they are published, are driven as their documents say."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from llmagentos.syscalls.errors import DeadlineExceeded, DeviceError, InvalidArgument

TIME = [sys.executable, "-m", "mcp_server_time", "--local-timezone", "Europe/Oslo"]


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    command = ["git", "-C", str(folder), *who, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_the_time_server_converts_between_zones_with_a_typed_result(play: Any) -> None:
    async def scene(house: Any) -> None:
        infos = {one.name: one for one in await house.driver.ls() if one.source == "mcp:time"}
        assert set(infos) == {"time_get_current_time", "time_convert_time"}
        converted = infos["time_convert_time"]
        assert not converted.effect and converted.untrusted and converted.result is not None
        given = {"source_timezone": "Europe/Oslo", "time": "12:00", "target_timezone": "Asia/Tokyo"}
        result = await house.driver.call("time_convert_time", given)
        assert result.data["target"]["datetime"].endswith("+09:00")
        assert result.data["time_difference"] in ("+7.0h", "+8.0h")
        with pytest.raises(InvalidArgument, match="time_convert_time: time: None is not"):
            await house.driver.call("time_convert_time", {**given, "time": None})
        bad = await house.driver.call("time_get_current_time", {"timezone": "Moon/Sea"})
        assert bad.failed and "Moon/Sea" in bad.text
        (found,) = await house.driver.search("what time is it in Tokyo when it is noon here", 1)
        assert found.name in infos

    play(scene, mcp={"time": {"command": TIME}})


def test_the_git_server_commits_within_its_repository(play: Any, tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    repository.mkdir()
    git(repository, "init", "-q", "-b", "main")
    (repository / "a.txt").write_text("a")
    git(repository, "add", "a.txt")
    git(repository, "commit", "-qm", "The first")
    (repository / "b.txt").write_text("b")
    command = [sys.executable, "-m", "mcp_server_git", "--repository", str(repository)]
    variables = {"GIT_AUTHOR_NAME": "Ada", "GIT_COMMITTER_NAME": "Ada",
                 "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_EMAIL": "a@b"}  # fmt: skip

    async def scene(house: Any) -> None:
        infos = {one.name: one for one in await house.driver.ls() if one.source == "mcp:git"}
        assert infos["git_git_commit"].effect and not infos["git_git_status"].effect
        assert "git_git_reset" not in infos  # The owner has left it out.
        at = {"repo_path": str(repository)}
        status = await house.driver.call("git_git_status", at)
        assert "b.txt" in status.text
        await house.driver.call("git_git_add", {**at, "files": ["b.txt"]})
        done = await house.driver.call("git_git_commit", {**at, "message": "The second"})
        assert not done.failed
        outside = await house.driver.call("git_git_status", {"repo_path": str(tmp_path)})
        assert outside.failed

    allow = ["git_status", "git_add", "git_commit", "git_log"]
    play(scene, mcp={"git": {"command": command, "env": variables, "allow": allow}})
    assert git(repository, "log", "--format=%s").split("\n")[:2] == ["The second", "The first"]


def test_the_reference_server_is_driven_over_pipes(play: Any, everything: list[str]) -> None:
    async def scene(house: Any) -> None:
        infos = {one.name: one for one in await house.driver.ls() if one.source == "mcp:all"}
        assert {"all_echo", "all_get-sum", "all_get-tiny-image"} <= set(infos)
        assert (await house.driver.call("all_echo", {"message": "hi"})).text == "Echo: hi"
        assert "is 5" in (await house.driver.call("all_get-sum", {"a": 2, "b": 3})).text
        image = await house.driver.call("all_get-tiny-image")
        assert re.search(r"\[image: image/png, \d+ bytes\]", image.text)
        given = {"location": "Chicago"}
        weather = await house.driver.call("all_get-structured-content", given)
        assert set(weather.data) == {"temperature", "conditions", "humidity"}
        environment = await house.driver.call("all_get-env")
        assert '"GIVEN": "yes"' in environment.text and "PYTEST_CURRENT_TEST" not in (
            environment.text
        )
        long = {"duration": 60, "steps": 2}
        with pytest.raises(DeadlineExceeded):
            await house.driver.call("all_trigger-long-running-operation", long, timeout=0.3)

    command = [*everything, "stdio"]
    play(scene, mcp={"all": {"command": command, "env": {"GIVEN": "yes"}}})


def test_the_reference_server_is_driven_over_http(play: Any, everything: list[str]) -> None:
    def serve() -> tuple[subprocess.Popen[bytes], int]:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command, quiet = [*everything, "streamableHttp"], subprocess.DEVNULL
        environment = os.environ | {"PORT": str(port)}
        return subprocess.Popen(command, env=environment, stdout=quiet, stderr=quiet), port

    server, port = serve()

    async def scene(house: Any) -> None:
        nonlocal server, port
        while True:
            try:
                await house.driver.connect("all", url=f"http://127.0.0.1:{port}/mcp")
                break
            except DeviceError:
                # Somebody else may have taken the port meanwhile.
                if await asyncio.to_thread(server.poll) is not None:
                    server, port = serve()
        assert (await house.driver.call("all_echo", {"message": "hi"})).text == "Echo: hi"
        assert "is 5" in (await house.driver.call("all_get-sum", {"a": 2, "b": 3})).text

    try:
        play(scene)
    finally:
        server.kill()
        server.wait()
