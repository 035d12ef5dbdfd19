"""What a new user reads and runs first: README, the image, the index page, and the links between the pages."""

import re
from pathlib import Path

import pytest
import yaml
from freqtrade.commands import Arguments

from freqai_ext.scaffold import init_userdir
from freqai_ext.scaffold.index_page import VARIABLE, IndexPageHook

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCKER = ROOT / "configs" / "docker"
LINK = re.compile(r"\]\(([^)\s]+)\)")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def anchors(page):
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file_and_a_heading(page):
    broken = []
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        if link.startswith(("http://", "https://")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_the_first_screen_says_for_whom_and_has_no_link():
    screen = README.splitlines()[:24]
    assert "For people who run **Freqtrade** with **FreqAI**" in screen[2]
    assert not LINK.search("\n".join(screen))


def test_readme_and_questions_are_reached_from_the_first_page():
    linked = {link.partition("#")[0] for link in LINK.findall(README)}
    assert {f"docs/{page.name}" for page in PAGES[1:]} - linked == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_page_installs_a_distribution_that_does_not_exist(page):
    assert not re.search(r"pip install (-\S+ )*['\"]?freqai-ext\b", page.read_text(encoding="utf-8"))


@pytest.mark.parametrize("trading_mode", ["spot", "futures"])
def test_the_documentation_lists_what_init_writes(tmp_path, trading_mode):
    page = (ROOT / "docs" / "installation.md").read_text(encoding="utf-8")
    report = init_userdir(tmp_path, trading_mode=trading_mode)
    for path in (path for path in tmp_path.rglob("*") if path.is_file()):
        relative = path.relative_to(tmp_path)
        assert str(relative) in page or f"{relative.parent}/*.py" in page, relative
    assert report.config.name in page


def test_the_container_runs_a_command_line_that_freqtrade_reads(tmp_path):
    service = yaml.safe_load((DOCKER / "compose.yaml").read_text())["services"]["freqtrade"]
    args = Arguments(list(service["command"])).get_parsed_arg()
    init_userdir(tmp_path)
    config = Path(args["config"][0])
    assert (args["command"], config.parent) == ("trade", Path(args["user_data_dir"]))
    assert (tmp_path / config.name).is_file()
    assert (tmp_path / "strategies" / f"{args['strategy']}.py").is_file()
    assert (tmp_path / "freqaimodels" / f"{args['freqaimodel']}.py").is_file()
    assert service["volumes"] == [f"${{USER_DATA:-./user_data}}:{args['user_data_dir']}"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])


def test_both_images_install_the_package_in_the_same_way():
    def install(folder):
        text = (ROOT / "configs" / folder / "Dockerfile").read_text()
        return text[: text.index("pip check")]

    assert install("docker") == install("guardian_sidecar")
    copied = (DOCKER / "Dockerfile.dockerignore").read_text()
    assert {f"!{name}" for name in ("pyproject.toml", "README.md", "LICENSE", "constraints.txt", "freqai_ext")} <= set(
        copied.split()
    )


def test_the_index_page_has_absolute_links_and_the_projects_addresses(monkeypatch):
    monkeypatch.setenv(VARIABLE, "https://example.org/owner/freqai-ext/")
    metadata = {}
    IndexPageHook(str(ROOT), {}).update(metadata)
    links = LINK.findall(metadata["readme"]["text"])
    assert links
    assert all(link.startswith("https://") for link in links)
    assert "https://example.org/owner/freqai-ext/blob/main/docs/faq.md" in links
    assert metadata["urls"]["Repository"] == "https://example.org/owner/freqai-ext"


def test_without_an_address_the_readme_stays_as_it_is(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    metadata = {}
    IndexPageHook(str(ROOT), {}).update(metadata)
    assert metadata == {"readme": {"content-type": "text/markdown", "text": README}}


def test_an_address_that_is_no_web_page_is_refused(monkeypatch):
    monkeypatch.setenv(VARIABLE, "git@example.org:owner/name")
    with pytest.raises(ValueError, match=r"FREQAI_EXT_REPOSITORY: 'git@example.org:owner/name' is not valid"):
        IndexPageHook(str(ROOT), {}).update({})
