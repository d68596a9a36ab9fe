import os, subprocess
from lib_follower import LibFollower
import lib_follower
def test_x(stack):
    made = stack(environ={"SYSTEMD_LOG_LEVEL":"debug"})
    made.root.create("org.example.A")
    env = lib_follower.environment_of
    lib_follower.environment_of = lambda bus: {**env(bus), "SYSTEMD_LOG_LEVEL": "debug"}
    with LibFollower(made.bus) as f:
        f.watch("w", "org.example.A"); f.event("w","live")
        large = {f"k{n}": chr(ord("a") + n) * 100000 for n in range(5)}
        made.root.ns("org.example.A").apply({**large, "small": 1})
        f.event("w","away")
        print(made.regentd.log()[-3000:])
        assert 0
