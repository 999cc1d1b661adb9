"""The command line of `bin/localnet`."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shlex
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich.live import Live

from near_localnet import demo, inventory, processes, render
from near_localnet.layout import NAMES, VALIDATORS, Layout, validator_named
from near_localnet.localnet import PARTS, Localnet
from near_localnet.options import DIRECT_LINKS, STRATEGIES, Options, chosen_neard
from near_localnet.problem import Problem
from near_localnet.progress import Progress
from near_localnet.status import Status
from near_supervisor import __version__
from near_supervisor.commandline import completion

COMMAND = "bin/localnet"
ROOT = Path(__file__).resolve().parents[2]
WATCH_S = 0.5
DESCRIPTION = """\
A NEAR validator with automatic failover, whole, on this machine: three Consul servers, a chain of three nodes, and
two supervised hosts, validator-a and validator-b, that share the keys of a fourth validator. One signs, the other
stands by. Everything listens on loopback only; all data is below .data. Without NEARD=/path/to/neard, neard is
simulated."""
EPILOG = """\
a first walk:
  bin/localnet up                       start it all
  bin/localnet status --watch           keep this open in a second terminal
  bin/localnet kill validator-a         the machine loses its power: validator-b takes over after the lease
  bin/localnet start validator-a        comes back, as the standby
  bin/localnet stop validator-b         a clean stop: validator-a takes over at once
  bin/localnet down                     end it all

with Ansible, in a checkout:
  bin/localnet inventory > inventory.yml
  ansible validator2 -i inventory.yml -m near_failover -a promote

things to break:
  kill validator-a --part supervisor    the guard stops neard before the lease ends, unless a supervisor is back
  kill validator-a --part neard         the supervisor lets go of the lease at once
  lose validator-a                      its cable is pulled, then its power: nobody says goodbye, so that its peers keep
                                        dead connections to it, and refuse whoever starts with its validator key;
                                        return validator-a: it comes back, and meets them. Both are refused with a
                                        real neard: only the kernel could cut that off
  freeze validator-a                    the whole host hangs, the other takes over; thaw it: back as the standby
  kill consul1                          the server is restarted, as systemd would; nobody's lease is lost
  stop consul1, stop consul2            no majority: the signer stops before its lease ends; start both: one signs again

things to look at: curl -s 127.0.0.1:2233/metrics (validator-a; 2234 for validator-b), bin/localnet logs validator-a

environment: NEARD=PATH a real neard; CONSUL=PATH a consul of your own; NO_COLOR=1 no colours."""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit status: 0 done, 1 a problem (said on standard error), 130 interrupted."""
    top = parser()
    options = top.parse_args(argv)
    if "run" not in options:
        top.print_help()
        return 0
    try:
        net = Localnet(Layout.make(ROOT, options.data, options.instance), ROOT / ".tools", Progress())
        return int(options.run(net, options))
    except Problem as problem:
        print(f"localnet: {problem}".replace(COMMAND, _command(options)), file=sys.stderr)
        return 1
    except (FileExistsError, NotADirectoryError, PermissionError) as error:
        if error.filename is None:
            raise
        advice = f"give it a directory that you may write: {COMMAND} --data DIR"
        print(f"localnet: {error.filename}: {error.strerror}; {advice}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        left = (
            "what runs of it goes on until: bin/localnet down"
            if processes.find(net.layout.data)
            else "nothing of it runs"
        )
        print(f"localnet: interrupted; {left}".replace(COMMAND, _command(options)), file=sys.stderr)
        return 130


def _command(arguments: argparse.Namespace) -> str:
    """How this very localnet is spoken to: advice has to name the same one."""
    words = [COMMAND]
    words += ["--data", shlex.quote(str(arguments.data))] if arguments.data else []
    words += ["--instance", str(arguments.instance)] if arguments.instance else []
    return " ".join(words)


def parser() -> argparse.ArgumentParser:
    """The whole command line; each command's function is its `run`."""
    raw = argparse.RawDescriptionHelpFormatter
    top = argparse.ArgumentParser(prog="bin/localnet", description=DESCRIPTION, epilog=EPILOG, formatter_class=raw)
    top.add_argument("--version", action="version", version=f"%(prog)s of validator_ha.near {__version__}")
    top.add_argument("--data", type=Path, metavar="DIR", help="keep all data here (default: .data)")
    top.add_argument("--instance", type=int, default=0, metavar="N", help="a localnet of its own, on 127.0.N.x")
    commands = top.add_subparsers(metavar="COMMAND")

    up = commands.add_parser("up", help="start everything; returns when one host signs and the other stands by")
    _add_options(up, block_time_ms=600)
    up.add_argument("--timeout", type=float, default=60.0, metavar="S", help="give up after this long (default: 60)")
    up.add_argument("--json", action="store_true", help="print the status as JSON at the end")
    up.add_argument("--keep", action="store_true", help="leave what runs when not all of it comes up, to look at it")
    up.set_defaults(run=_up)

    status = commands.add_parser("status", help="who signs, states, heights, lease left, the referee's verdict")
    status.add_argument("--watch", action="store_true", help="refresh until Ctrl-C")
    status.add_argument("--json", action="store_true", help="for programs; with --watch, one object per line")
    status.set_defaults(run=_status)

    _add_part_command(commands, "stop", "end a part gracefully and wait for it (default: SIGTERM)", _stop)
    _add_part_command(commands, "kill", "kill a part (default: SIGKILL, and of a validator the whole host)", _kill)
    for name, text, run in (
        ("start", "start a part again", _start),
        ("lose", "cut a host off in silence, then kill it (simulated neard only)", _lose),
        ("return", "let a lost host come back", _return),
        ("freeze", "stop all processes of a part in their tracks (SIGSTOP)", _freeze),
        ("thaw", "let a frozen part go on (SIGCONT)", _thaw),
    ):
        _add_name(commands.add_parser(name, help=text)).set_defaults(run=run)

    logs = _add_name(commands.add_parser("logs", help="show the log of a part"))
    logs.add_argument("--part", choices=("supervisor", "neard"), help="of a validator: its neard's (and guard's) log")
    logs.add_argument("-f", "--follow", action="store_true", help="go on until Ctrl-C")
    logs.add_argument("-n", "--lines", type=int, default=40, metavar="N", help="how many lines (default: 40)")
    logs.set_defaults(run=_logs)

    play = commands.add_parser("demo", help="play failures one after the other, measure the gaps, ask the referee")
    _add_options(play, block_time_ms=200)
    play.add_argument("--json", action="store_true", help="print the gaps as JSON at the end")
    play.add_argument("--keep", action="store_true", help="leave the localnet up afterwards")
    play.set_defaults(run=_demo)

    commands.add_parser(
        "inventory", help="print the pair as an Ansible inventory: validator1 is validator-a, validator2 validator-b"
    ).set_defaults(run=_inventory)

    completion.add_to(commands, COMMAND).set_defaults(run=_completion)

    down = commands.add_parser("down", help="end everything, leaving no process behind")
    down.add_argument("--wipe", action="store_true", help="remove the data, too")
    down.set_defaults(run=_down)
    commands.add_parser("reset", help="the same as down --wipe").set_defaults(run=_down, wipe=True)
    return top


def _add_options(command: argparse.ArgumentParser, block_time_ms: int) -> None:
    default = Options(block_time_ms=block_time_ms)
    command.add_argument(
        "--lease", type=float, default=default.lease_s, metavar="S", help="seconds of the lease (default: %(default)g)"
    )
    command.add_argument(
        "--block-time-ms",
        type=int,
        default=block_time_ms,
        metavar="MS",
        help="time between blocks (default: %(default)s)",
    )
    command.add_argument(
        "--strategy", choices=STRATEGIES, default=default.strategy,
        help="how a standby gets the key: started anew with it, while it runs, or both as the program kuutamod does it"
        " (default: %(default)s)",
    )  # fmt: skip
    command.add_argument(
        "--others-stake", type=int, default=default.others_stake, metavar="N",
        help="each of the other three validators has N times the stake of the pair's; as it rarely owes a block then,"
        " it can hand over without missing one (default: %(default)s)",
    )  # fmt: skip
    command.add_argument(
        "--key-routing", action=argparse.BooleanOptionalAction, default=default.key_routing,
        help="do simulated peers keep one connection per validator key, as neard's do: who starts with the key of a"
        " host that was lost in silence is refused until that connection is given up (default: %(default)s)",
    )  # fmt: skip
    command.add_argument(
        "--direct-links", choices=DIRECT_LINKS, default=default.direct_links,
        help="which validators a real neard connects directly (tier 1), by public addresses in their homes: none, those"
        " that are not of the pair, or all; after a silent loss, direct links delay a successor"
        " (default: %(default)s)",
    )  # fmt: skip
    command.add_argument(
        "--start-delay", type=int, default=default.start_delay_ms, metavar="MS",
        help="how long the simulated neard takes to start (default: %(default)s)",
    )  # fmt: skip
    command.add_argument(
        "--stop-delay", type=int, default=default.stop_delay_ms, metavar="MS",
        help="and how long to stop; a real one takes 200 to 8000 (default: %(default)s)",
    )  # fmt: skip


def _add_name(command: argparse.ArgumentParser) -> argparse.ArgumentParser:
    command.add_argument("name", metavar="NAME", choices=NAMES, help=", ".join(NAMES))
    return command


def _add_part_command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, text: str, run: object
) -> None:
    command = _add_name(commands.add_parser(name, help=text))
    command.add_argument("--part", choices=PARTS, default="", help="only this part; host is all of it together")
    command.add_argument("--signal", type=_signal, metavar="SIG", help="another signal, such as INT or 9")
    command.set_defaults(run=run)


def _signal(text: str) -> int:
    try:
        return int(text) if text.isdecimal() else signal.Signals["SIG" + text.upper().removeprefix("SIG")].value
    except KeyError:
        raise argparse.ArgumentTypeError(f"there is no signal {text!r}") from None


def _options(arguments: argparse.Namespace) -> Options:
    return Options(
        lease_s=arguments.lease,
        block_time_ms=arguments.block_time_ms,
        start_delay_ms=arguments.start_delay,
        stop_delay_ms=arguments.stop_delay,
        strategy=arguments.strategy,
        others_stake=arguments.others_stake,
        key_routing=arguments.key_routing,
        direct_links=arguments.direct_links,
        neard=chosen_neard(),
    )


def _up(net: Localnet, arguments: argparse.Namespace) -> int:
    status = net.up(_options(arguments), timeout_s=arguments.timeout, keep=arguments.keep)
    if arguments.json:
        print(json.dumps(net.status().as_json()))
        return 0
    console = render.console()
    first, second = VALIDATORS
    metrics = net.layout.metrics_address(second)
    console.print(f"\n[bold]{status.active}[/bold] signs, the other host stands by. Now try:\n")
    command = _command(arguments)
    for line, text in (
        (f"{command} status --watch", "in a second terminal"),
        (f"{command} kill {first.name}", f"and {second.name} takes over"),
        (f"{command} start {first.name}", "it comes back as the standby"),
        (f"curl -s {metrics}/metrics | grep kuutamod_state", f"what {second.name} says of itself"),
        (f"{command} demo", "all kinds of failures, with times"),
        (f"{command} down", "the end; nothing is left running"),
    ):
        console.print(f"  {line:<62} {text}", soft_wrap=True, markup=False)
    return 0


def _status(net: Localnet, arguments: argparse.Namespace) -> int:
    if not arguments.watch:
        status = net.status()
        if arguments.json:
            print(json.dumps(status.as_json()))
        else:
            _show(status)
            if not status.running:
                print(f"Nothing is running. Start it: {_command(arguments)} up")
        return 0
    with contextlib.suppress(KeyboardInterrupt):
        _watch(net, arguments.json)
    return 0


def _watch(net: Localnet, as_json: bool) -> None:
    if as_json:
        while True:
            print(json.dumps(net.status().as_json()), flush=True)
            time.sleep(WATCH_S)
    if not render.console().is_terminal:
        while True:
            _show(net.status())
            sys.stdout.flush()
            time.sleep(WATCH_S)
    console = render.console()
    with Live(console=console, auto_refresh=False) as live:
        while True:
            live.update(render.status_view(net.status(), console.width), refresh=True)
            time.sleep(WATCH_S)


def _show(status: Status) -> None:
    console = render.console()
    console.print(render.status_view(status, console.width), soft_wrap=True)


def _stop(net: Localnet, arguments: argparse.Namespace) -> int:
    took = net.stop(arguments.name, arguments.part, arguments.signal or signal.SIGTERM)
    print(f"{arguments.name}: ended after {took:.2f} s")
    return 0


def _kill(net: Localnet, arguments: argparse.Namespace) -> int:
    took = net.kill(arguments.name, arguments.part, arguments.signal or signal.SIGKILL)
    print(f"{arguments.name}: gone after {took:.2f} s")
    return 0


def _lose(net: Localnet, arguments: argparse.Namespace) -> int:
    net.lose(arguments.name)
    print(f"{arguments.name}: lost; {_command(arguments)} return {arguments.name} lets it come back")
    return 0


def _start(net: Localnet, arguments: argparse.Namespace) -> int:
    net.start(arguments.name)
    print(f"{arguments.name}: started; see {_command(arguments)} status")
    return 0


def _return(net: Localnet, arguments: argparse.Namespace) -> int:
    net.come_back(arguments.name)
    print(f"{arguments.name}: comes back; see {_command(arguments)} status")
    return 0


def _freeze(net: Localnet, arguments: argparse.Namespace) -> int:
    net.freeze(arguments.name)
    print(f"{arguments.name}: frozen; {_command(arguments)} thaw {arguments.name} lets it go on")
    return 0


def _thaw(net: Localnet, arguments: argparse.Namespace) -> int:
    net.thaw(arguments.name)
    print(f"{arguments.name}: goes on")
    return 0


def _logs(net: Localnet, arguments: argparse.Namespace) -> int:
    host = validator_named(arguments.name)
    log = (
        net.layout.run_dir(host) / "neard.log" if host and arguments.part == "neard" else net.layout.log(arguments.name)
    )
    if not log.exists():
        raise Problem(f"{arguments.name} has no log yet at {log}.", "Start the localnet: bin/localnet up")
    follow = ["-F"] if arguments.follow else []
    os.execvp("tail", ["tail", *follow, "-n", str(arguments.lines), str(log)])  # noqa: S606 - no shell wanted


def _inventory(net: Localnet, _arguments: argparse.Namespace) -> int:
    sys.stdout.write(inventory.inventory(net.layout))
    return 0


def _demo(net: Localnet, arguments: argparse.Namespace) -> int:
    return demo.play(net, _options(arguments), as_json=arguments.json, keep=arguments.keep)


def _completion(_net: Localnet, options: argparse.Namespace) -> int:
    sys.stdout.write(completion.script(parser(), options.shell, "localnet"))
    return 0


def _down(net: Localnet, arguments: argparse.Namespace) -> int:
    count = net.down(wipe=arguments.wipe)
    print(f"ended {count} processes" if count else "nothing was running")
    return 0
