"""Contracts: for every step of both SDKs, a mistake that the contract sees.

No mutant crashes by itself unless it says so: what is tested is that the
contract notices, at that very step.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from livesteps.read.guide import Guide
from livesteps.read.sdk import load_sdk
from livesteps.run.backend import Backend
from livesteps.run.program import Program

SAMPLES = Path(__file__).parents[1] / "samples"

LIBCLOUD = {
    1: (
        'print(f"Connected: {len(swift.list_containers())} containers")',
        'print("Connected: 0 containers")',
        "expected a request for a token, found none",
    ),
    2: (
        'create_container("fractals")',
        'create_container("fractal")',
        "containers: 'fractals' is missing, 'fractal' should not be there",
    ),
    3: (
        "for item in swift.list_containers():\n    print(item.name)",
        'print("fractals")',
        "expected a GET or HEAD of the account, found none",
    ),
    4: (
        'goat = container.upload_object("goat.jpg", "an amazing goat")',
        'content = bytearray(Path("goat.jpg").read_bytes())\n'
        "content[1000] ^= 1\n"
        'Path("damaged.jpg").write_bytes(content)\n'
        'goat = container.upload_object("damaged.jpg", "an amazing goat")',
        "object 'fractals/an amazing goat': md5: expected 'dda6e512",
    ),
    5: (
        "for item in container.list_objects():\n"
        '    print(f"{item.name}: {item.size} bytes")',
        'print(f"{goat.name}: {goat.size} bytes")',
        "expected a GET or HEAD of 'fractals', found none",
    ),
    6: (
        'if goat.download("downloaded.jpg"):',
        'if Path("downloaded.jpg").write_bytes(Path("goat.jpg").read_bytes()):',
        "expected a GET of 'fractals/an amazing goat', found none",
    ),
    7: (
        'print(f"Swift:      {goat.hash}")\nprint(f"Downloaded: {checksum}")',
        'print("They are the same.")',
        "expected the md5 of goat.jpg in the output",
    ),
    8: (
        "if swift.delete_object(goat):",
        "if goat:",
        "objects in container 'fractals': 'an amazing goat' should not be there",
    ),
    9: (
        'print(f"Objects: {container.list_objects()}")',
        'print("Objects: []")',
        "expected a GET or HEAD of 'fractals', found none",
    ),
    10: (
        'container = swift.get_container("fractals")\n',
        "",
        "expected a GET or HEAD of 'fractals', found none",
    ),
    11: (
        '"image/png"',
        '"image/jpeg"',
        "content type: expected 'image/png', found 'image/jpeg'",
    ),
    12: (
        "if swift.delete_container(container):",
        "if container:",
        "containers: 'fractals' should not be there",
    ),
    13: (
        '"a funny goat"',
        '"a sad goat"',
        "object 'fractals/goat': metadata 'description': expected 'a funny goat'",
    ),
    14: (
        "chunk_size=2 * 1024 * 1024",
        "chunk_size=8 * 1024 * 1024",
        "object 'fractals/big': expected a manifest",
    ),
    15: (
        "if name in skipped:",
        'if name in [*skipped, "big"]:',
        "expected a file 'restored/big' in the working folder, found none",
    ),
    16: (
        'text = f"GET\\n',
        'text = f"PUT\\n',
        "expected the temporary URL to give 'fractals/goat' without a token",
    ),
    17: (
        "swift.delete_container(container)\n",
        "pass\n",
        "containers: 'fractals' should not be there",
    ),
}
OPENSTACKSDK = {
    1: (
        "account = swift.get_account_metadata()\n"
        'print(f"Connected: {account.account_container_count} containers")',
        'swift.get_endpoint()\nprint("Connected: 0 containers")',
        "expected a GET or HEAD of the account, found none",
    ),
    2: (
        'create_container(name="fractals")\n',
        'create_container(name="fractals")\n    swift.create_container(name="more")\n',
        "containers: 'more' should not be there",
    ),
    3: (
        "for item in swift.containers():\n    print(item.name)",
        "print(container.name)",
        "expected a GET or HEAD of the account, found none",
    ),
    4: (
        'name="an amazing goat"',
        'name="an amazing gnat"',
        "objects in container 'fractals': 'an amazing goat' is missing",
    ),
    5: (
        'for item in swift.objects("fractals"):\n'
        '    print(f"{item.name}: {item.content_length} bytes")',
        "print(goat.name)",
        "expected a GET or HEAD of 'fractals', found none",
    ),
    6: (
        'outfile="downloaded.jpg"\n)',
        'outfile="downloaded.jpg"\n)\nos.truncate("downloaded.jpg", 111782)',
        "expected 'downloaded.jpg' to be the same as goat.jpg (111783 bytes)",
    ),
    7: (
        'print(f"Swift:      {goat.etag}")\nprint(f"Downloaded: {checksum}")',
        "print(hashlib.sha256(checksum.encode()).hexdigest())",
        "expected the md5 of goat.jpg in the output",
    ),
    8: (
        '"an amazing goat", container="fractals", ignore_missing=False',
        '"an amazing gnat", container="fractals"',
        "objects in container 'fractals': 'an amazing goat' should not be there",
    ),
    9: (
        "print(f\"Objects: {list(swift.objects('fractals'))}\")",
        "print(f\"Objects: {swift.objects('fractals')}\")",
        "expected a GET or HEAD of 'fractals', found none",
    ),
    10: (
        'container = swift.get_container_metadata("fractals")\n'
        'print(f"Opened {container.id}: {container.object_count} objects")',
        'print("Opened fractals: 0 objects")',
        "expected a GET or HEAD of 'fractals', found none",
    ),
    11: (
        'in answer.json()["objects"]:',
        'in answer.json()["objects"][1:]:',
        "'73ab4876-7734-47c1-87fd-e805ec99108d' is missing",
    ),
    12: (
        'swift.delete_container("fractals", ignore_missing=False)\n',
        "",
        "containers: 'fractals' should not be there",
    ),
    13: (
        '"content-type": "image/jpeg"',
        '"content-type": "image/png"',
        "object 'fractals/goat': content type: expected 'image/jpeg'",
    ),
    14: (
        "    segment_size=2 * 1024 * 1024,\n",
        "",
        "object 'fractals/big': expected a manifest",
    ),
    15: (
        "outfile=file,",
        # A folder is no file: this one ends by itself.
        "outfile=str(folder),",
        "it ended with status 1 before its marker step-16",
    ),
    16: (
        'url = f"{swift.get_endpoint()}/fractals/goat"',
        'url = f"{swift.get_endpoint()}/fractals/big"',
        "expected the temporary URL to give the 111783 bytes of 'fractals/goat'",
    ),
    17: (
        'swift.delete_container("fractals", ignore_missing=False)\n',
        "pass\n",
        "containers: 'fractals' should not be there",
    ),
}
MORE = {
    # Other ways to get a step wrong, of which some SDK does each.
    ("libcloud", 4): (
        'upload_object("goat.jpg", "an amazing goat")',
        'upload_object("goat.jpg", "an amazing goat")\n'
        'container.upload_object("goat.jpg", "goat")',
        "objects in container 'fractals': 'goat' should not be there",
    ),
    ("libcloud", 11): (
        "file.write(chunk)",
        "file.write(chunk[::-1])",
        "object 'fractals/73ab4876-7734-47c1-87fd-e805ec99108d': md5: expected",
    ),
    ("libcloud", 12): (
        "for item in container.list_objects():",
        "for item in container.list_objects()[1:]:",
        # Swift refuses to delete a container that is not empty.
        "it ended with status 1 before its marker step-13",
    ),
    ("libcloud", 13): (
        '"created": "2015-06-02",',
        '"created": "2015-06-03",',
        "metadata 'created': expected '2015-06-02', found '2015-06-03'",
    ),
    ("libcloud", 16): (
        '    headers={"X-Container-Meta-Temp-URL-Key": key},',
        '    headers={"X-Container-Meta-Temp-URL-Key": key,'
        ' "X-Container-Read": ".r:*"},',
        "expected 'fractals/goat' to be private, found that anyone reads it",
    ),
    ("openstacksdk", 15): (
        "path = folder / name\n",
        "path = folder / name\n    path.touch()\n    print(path)\n    continue\n",
        "expected 'restored/big' to be the same as big.bin",
    ),
    ("openstacksdk", 16): (
        'print(f"{url}?temp_url_sig={signature}&temp_url_expires={expires}")',
        'print("shared")',
        "expected a temporary URL of 'fractals/goat' in the output, found none",
    ),
}
MUTATIONS = [
    *(("libcloud", step, *mutation) for step, mutation in LIBCLOUD.items()),
    *(("openstacksdk", step, *mutation) for step, mutation in OPENSTACKSDK.items()),
    *((*where, *mutation) for where, mutation in MORE.items()),
]


@pytest.mark.parametrize("table", [LIBCLOUD, OPENSTACKSDK])
def test_every_step_has_a_mutation(table: dict[int, object], guide: Guide) -> None:
    steps = guide.chapters["durability"].steps
    assert list(table) == [step.number for step in steps]


@pytest.mark.parametrize(
    ("name", "step", "old", "new", "said"),
    [
        pytest.param(*mutation, id=f"{mutation[0]}-{mutation[1]:02}-{number}")
        for number, mutation in enumerate(MUTATIONS)
    ],
)
def test_a_mistake_in_a_step_fails_that_step(
    backend: Backend,
    guide: Guide,
    tmp_path: Path,
    name: str,
    step: int,
    old: str,
    new: str,
    said: str,
) -> None:
    original = guide.sdks[name].sample_of("durability")
    block = original.block(step)
    assert old in block
    folder = tmp_path / name
    shutil.copytree(SAMPLES / name, folder, ignore=shutil.ignore_patterns("recorded"))
    (folder / original.path.name).write_text(
        original.text.replace(block, block.replace(old, new, 1)), encoding="utf-8"
    )
    sdk = load_sdk(folder / "sdk.toml", guide.plugins, list(guide.chapters))
    chapter = guide.chapters["durability"]
    with Program(sdk, chapter) as program, backend.run(program) as run:
        results = list(run)
    failures = [str(result.failure) for result in results if result.failure]
    assert len(results) == step
    assert len(failures) == 1
    assert said in failures[0]


@pytest.mark.parametrize("name", ["libcloud", "openstacksdk"])
def test_a_sample_without_a_mistake_passes(
    backend: Backend, guide: Guide, name: str
) -> None:
    chapter = guide.chapters["durability"]
    with Program(guide.sdks[name], chapter) as program, backend.run(program) as run:
        assert [str(result.failure) for result in run if result.failure] == []
    assert run.passed
