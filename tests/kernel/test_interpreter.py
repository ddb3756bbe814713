from __future__ import annotations

from pathlib import Path

from llmagentos.kernel.interpreter import libraries, sources


def test_program_reads_what_lies_beside_its_bin_and_its_links_bin(tmp_path: Path) -> None:
    for name in ("base/bin", "base/lib", "base/secret", "venv/bin", "venv/lib"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "base/bin/python3").touch()
    (tmp_path / "venv/pyvenv.cfg").touch()
    python = tmp_path / "venv/bin/python"
    python.symlink_to(tmp_path / "base/bin/python3")
    command = tmp_path / "venv/bin/command"
    command.write_text(f"#!{python} -I\n")
    needed = {"venv/bin", "venv/lib", "venv/pyvenv.cfg", "base/bin", "base/lib"}
    for program in (python, command):
        found = {str(one.relative_to(tmp_path)) for one in libraries(program)}
        assert found == needed


def test_program_outside_of_a_bin_reads_nothing_besides(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    for text in ("", "#!", "#!relative/python", "#!/nowhere/bin/python"):
        (tmp_path / "program").write_text(text)
        found = list(libraries(tmp_path / "program"))
        assert found in ([], [Path("/nowhere/bin")])
    assert list(libraries(tmp_path / "missing")) == []


def test_script_reads_its_folder_and_a_file_that_is_none_does_not(tmp_path: Path) -> None:
    files = [Path("/usr/bin/python3"), tmp_path / "agent.py", Path("/etc/other.py")]
    assert list(sources(files)) == [tmp_path]
    assert list(sources([Path("/usr/bin/cat"), Path("/etc/passwd")])) == []
