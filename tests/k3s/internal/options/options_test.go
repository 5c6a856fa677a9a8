package options

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestWhatK3sDoesNotKnowIsRefused(t *testing.T) {
	config := write(t, "")
	for words, expected := range map[string]string{
		"--no-such-flag":                       "flag provided but not defined: -no-such-flag",
		"--disable-etcdd=true":                 "flag provided but not defined: -disable-etcdd",
		"--token":                              "flag needs an argument: -token",
		"--cluster-init=perhaps":               "invalid value \"perhaps\" for flag -cluster-init",
		"--https-listen-port=many":             "invalid value \"many\" for flag -https-listen-port",
		"--etcd-snapshot-reconcile-interval=x": "invalid value \"x\" for flag -etcd-snapshot-reconcile-interval",
	} {
		_, err := Parse(Server(), []string{"--config", config, words})
		if err == nil || !strings.HasPrefix(err.Error(), expected) {
			t.Errorf("%s: %v", words, err)
		}
	}
	// What only servers know, an agent refuses.
	if _, err := Parse(Agent(), []string{"--config", config, "--cluster-init"}); err == nil {
		t.Error("an agent took --cluster-init")
	}
	if _, err := Parse(Server(), []string{"--config", config + ".missing"}); err == nil {
		t.Error("a configuration file that is not there was taken")
	}
}

func TestFilesStandBeforeArguments(t *testing.T) {
	config := write(t, "token: file\ntls-san: [a, b]\ndisable: traefik\ncluster-init: true\nno-such-key: 1\n")
	beside := config + ".d"
	if err := os.Mkdir(beside, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"1.yaml": "token: later\n", "2.yaml": "tls-san+: c\n"} {
		if err := os.WriteFile(filepath.Join(beside, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("K3S_TOKEN", "environment")
	t.Setenv("K3S_NODE_NAME", "named")
	// An unknown key of a file is told and skipped, as k3s does.
	found, err := Parse(Server(), []string{"--config=" + config, "--tls-san", "d", "--disable=servicelb"})
	if err != nil {
		t.Fatal(err)
	}
	if found.Get("token") != "later" || found.Get("node-name") != "named" || !found.Is("cluster-init") {
		t.Errorf("token %q, node-name %q", found.Get("token"), found.Get("node-name"))
	}
	if sans := found.List("tls-san"); !slices.Equal(sans, []string{"a", "b", "c", "d"}) {
		t.Errorf("tls-san %v", sans)
	}
	if off := found.List("disable"); !slices.Equal(off, []string{"traefik", "servicelb"}) {
		t.Errorf("disable %v", off)
	}
	if found.Get("flannel-backend") != "vxlan" || found.Given("flannel-backend") {
		t.Error("a default counts as given")
	}
}

// The published flags of k3s, where this machine has them.
func TestFlagsAreThoseOfK3s(t *testing.T) {
	folder := os.Getenv("HONEY_SPECS")
	if folder == "" {
		t.Log("flags were not compared with k3s's own: HONEY_SPECS names no folder")
		return
	}
	text, err := os.ReadFile(filepath.Join(folder, "k3s/flags.v1.34.json"))
	if err != nil {
		t.Fatal(err)
	}
	type published struct {
		Name    string   `json:"name"`
		Type    string   `json:"type"`
		Value   any      `json:"value"`
		Env     []string `json:"env"`
		Aliases []string `json:"aliases"`
	}
	var known struct{ Server, Agent []published }
	if err := json.Unmarshal(text, &known); err != nil {
		t.Fatal(err)
	}
	kinds := map[string]Kind{"String": String, "Bool": Bool, "Int": Int, "Duration": Duration, "StringSlice": List}
	for command, pair := range map[string]struct {
		theirs []published
		ours   []Flag
	}{"server": {known.Server, Server()}, "agent": {known.Agent, Agent()}} {
		names := map[string]bool{}
		for _, flag := range pair.theirs {
			names[flag.Name] = true
			at := slices.IndexFunc(pair.ours, func(one Flag) bool { return one.Name == flag.Name })
			if at < 0 {
				t.Errorf("%s --%s is missing", command, flag.Name)
				continue
			}
			own := pair.ours[at]
			if kind, is := kinds[flag.Type]; !is || own.Kind != kind {
				t.Errorf("%s --%s is a %s", command, flag.Name, flag.Type)
			}
			if len(flag.Env) > 0 && own.Environment != flag.Env[0] {
				t.Errorf("%s --%s reads %v", command, flag.Name, flag.Env)
			}
			if len(flag.Aliases) > 0 && own.Short != flag.Aliases[0] {
				t.Errorf("%s --%s is also %v", command, flag.Name, flag.Aliases)
			}
		}
		for _, flag := range pair.ours {
			if !names[flag.Name] {
				t.Errorf("%s --%s is no flag of k3s", command, flag.Name)
			}
		}
	}
}
