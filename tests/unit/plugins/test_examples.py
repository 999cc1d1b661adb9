"""Examples in the documentation of every module are tasks that the module takes."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
import yaml

from support import ansible_modules

pytest.importorskip("ansible.module_utils.testing")

PREFIX = "validator_ha.near."
MODULES = sorted(
    file.stem for file in (ansible_modules.ROOT / "plugins" / "modules").glob("*.py") if not file.stem.startswith("_")
)
# What a template may become, where a module wants something else than text.
STAND_INS: dict[str, Any] = {"int": 1, "float": 1.0, "bool": True, "list": [], "dict": {}}


class Declared(Exception):
    """Carries what a module told AnsibleModule about its arguments."""


def declaration(module: Any) -> dict[str, Any]:
    """The argument spec and its conditions, as ``main()`` declares them."""
    basic: Any = importlib.import_module("ansible.module_utils.basic")

    def declare(_self: Any, argument_spec: dict[str, Any], **conditions: Any) -> None:
        raise Declared({"argument_spec": argument_spec, **conditions})

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Declared) as caught:
        patch.setattr(basic.AnsibleModule, "__init__", declare)
        module.main()
    declared: dict[str, Any] = caught.value.args[0]
    return declared


def errors(task: dict[str, Any], declared: dict[str, Any]) -> list[str]:
    """What Ansible would say of the arguments of ``task``."""
    arg_spec: Any = importlib.import_module("ansible.module_utils.common.arg_spec")
    conditions = ("mutually_exclusive", "required_together", "required_one_of", "required_if", "required_by")
    spec = declared["argument_spec"]
    if declared.get("add_file_common_args"):
        basic: Any = importlib.import_module("ansible.module_utils.basic")
        spec = {**basic.FILE_COMMON_ARGUMENTS, **spec}
    validator = arg_spec.ArgumentSpecValidator(spec, **{name: declared.get(name) for name in conditions})
    plain = {name: plainly(value, spec.get(name, {})) for name, value in task.items()}
    found: list[str] = validator.validate(plain).error_messages
    return found


def plainly(value: Any, option: dict[str, Any]) -> Any:
    """``value``, or something of the option's type if a template has to bring it."""
    if isinstance(value, str) and "{{" in value:
        return option["choices"][0] if "choices" in option else STAND_INS.get(option.get("type", "str"), value)
    return value


@pytest.mark.parametrize("name", MODULES)
def test_every_example_is_a_task_that_the_module_takes(name: str) -> None:
    module = ansible_modules.load(name)
    tasks = yaml.safe_load(module.EXAMPLES)
    own = [task[PREFIX + name] for task in tasks if PREFIX + name in task]
    assert own, f"no example of {name} uses it by its full name"
    assert all(task["name"][0].isupper() for task in tasks)
    assert [wrong for task in own for wrong in errors(task, declaration(module))] == []


@pytest.mark.parametrize(
    ("task", "wrong"),
    [
        ({"path": "/k"}, "missing required arguments: kind"),
        ({"path": "/k", "kind": "validator", "acount_id": "a.near"}, "acount_id"),
        ({"path": "/k", "kind": "signer"}, "value of kind must be one of"),
        ({"path": "/k", "kind": "node", "force": "perhaps"}, "force"),
        ({"path": "/k", "kind": "node", "secret_key_path": "/s", "secret_key_content": "s"}, "mutually exclusive"),
    ],
)
def test_a_wrong_example_is_found(task: dict[str, Any], wrong: str) -> None:
    found = errors(task, declaration(ansible_modules.load("near_key")))
    assert wrong in " ".join(found)


def test_plugins_with_examples_have_them_as_yaml() -> None:
    files = [file for kind in ("filter", "test") for file in (ansible_modules.ROOT / "plugins" / kind).glob("*.yml")]
    assert files
    for file in files:
        documented = yaml.safe_load(Path(file).read_text())
        assert isinstance(yaml.safe_load(documented["EXAMPLES"]), list), file
