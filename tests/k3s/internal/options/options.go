// Package options reads what k3s is told: configuration files, environment and
// arguments, in its order: files first, so that for a single value the last
// one wins and lists are appended.
package options

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"honey.test/k3s/internal/logline"
	"sigs.k8s.io/yaml"
)

// Options are values by the name of their flag.
type Options struct {
	values map[string][]string
	set    map[string]bool
	// Rest is what was no flag.
	Rest []string
}

// Get is the last value of a flag, or its default.
func (options *Options) Get(name string) string {
	values := options.values[name]
	if len(values) == 0 {
		return ""
	}
	return values[len(values)-1]
}

// List is every value of a flag.
func (options *Options) List(name string) []string { return options.values[name] }

// Is tells whether a flag is on.
func (options *Options) Is(name string) bool { return options.Get(name) == "true" }

// Given tells whether anybody set the flag.
func (options *Options) Given(name string) bool { return options.set[name] }

// Data is a path below the folder for state.
func (options *Options) Data(elements ...string) string {
	return filepath.Join(append([]string{options.Get("data-dir")}, elements...)...)
}

// Parse reads all three sources.
func Parse(flags []Flag, arguments []string) (*Options, error) {
	table := map[string]Flag{}
	for _, flag := range flags {
		table[flag.Name] = flag
		if flag.Short != "" {
			table[flag.Short] = flag
		}
	}
	options := &Options{values: map[string][]string{}, set: map[string]bool{}}
	fromFiles, err := files(table, arguments)
	if err != nil {
		return nil, err
	}
	// As k3s does: what files say stands before the arguments.
	arguments = append(fromFiles, arguments...)
	for len(arguments) > 0 {
		word := arguments[0]
		arguments = arguments[1:]
		if word == "--" {
			options.Rest = append(options.Rest, arguments...)
			break
		}
		if !strings.HasPrefix(word, "-") || word == "-" {
			options.Rest = append(options.Rest, word)
			continue
		}
		name, value, inline := strings.Cut(strings.TrimLeft(word, "-"), "=")
		flag, known := table[name]
		if !known {
			return nil, fmt.Errorf("flag provided but not defined: -%s", name)
		}
		if !inline {
			if flag.Kind == Bool {
				value = "true"
			} else {
				if len(arguments) == 0 {
					return nil, fmt.Errorf("flag needs an argument: -%s", name)
				}
				value, arguments = arguments[0], arguments[1:]
			}
		}
		if err := options.put(flag, name, value); err != nil {
			return nil, err
		}
	}
	for _, flag := range flags {
		if options.set[flag.Name] {
			continue
		}
		if value := os.Getenv(flag.Environment); flag.Environment != "" && value != "" {
			if err := options.put(flag, flag.Name, value); err != nil {
				return nil, err
			}
		} else if flag.Default != "" {
			options.values[flag.Name] = []string{flag.Default}
		}
	}
	return options, nil
}

func (options *Options) put(flag Flag, as, value string) error {
	refuse := func(err error) error {
		return fmt.Errorf("invalid value %q for flag -%s: %v", value, as, err)
	}
	switch flag.Kind {
	case Bool:
		on, err := strconv.ParseBool(value)
		if err != nil {
			return refuse(err)
		}
		value = strconv.FormatBool(on)
	case Int:
		if _, err := strconv.ParseInt(value, 0, 64); err != nil {
			return refuse(err)
		}
	case Duration:
		if _, err := time.ParseDuration(value); err != nil {
			return refuse(err)
		}
	case List:
		if !options.set[flag.Name] {
			options.values[flag.Name] = nil
		}
		for item := range strings.SplitSeq(value, ",") {
			if item = strings.TrimSpace(item); item != "" {
				options.values[flag.Name] = append(options.values[flag.Name], item)
			}
		}
		options.set[flag.Name] = true
		return nil
	}
	options.values[flag.Name], options.set[flag.Name] = []string{value}, true
	return nil
}

// files turns the configuration file and those beside it into arguments.
func files(table map[string]Flag, arguments []string) ([]string, error) {
	path, asked := "/etc/rancher/k3s/config.yaml", false
	if value := os.Getenv("K3S_CONFIG_FILE"); value != "" {
		path, asked = value, true
	}
	for at, word := range arguments {
		name, value, inline := strings.Cut(strings.TrimLeft(word, "-"), "=")
		if !strings.HasPrefix(word, "-") || (name != "config" && name != "c") {
			continue
		}
		if !inline && at+1 < len(arguments) {
			value = arguments[at+1]
		}
		path, asked = value, true
	}
	if _, err := os.Stat(path); asked && err != nil {
		return nil, err
	}
	more, _ := filepath.Glob(path + ".d/*.y*ml")
	sort.Strings(more)
	merged := map[string]any{}
	for _, file := range append([]string{path}, more...) {
		text, err := os.ReadFile(file)
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		var content map[string]any
		if err := yaml.Unmarshal(text, &content); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		for key, value := range content {
			if name, found := strings.CutSuffix(key, "+"); found {
				value, key = append(items(merged[name]), items(value)...), name
			}
			merged[key] = value
		}
	}
	keys := make([]string, 0, len(merged))
	for key := range merged {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	var found []string
	for _, key := range keys {
		if _, known := table[key]; !known {
			// Commands beside `server` know few of its keys, and say nothing.
			if _, full := table["protect-kernel-defaults"]; !full {
				continue
			}
			logline.Warn("Unknown flag --%s found in config.yaml, skipping", key)
			continue
		}
		for _, item := range items(merged[key]) {
			found = append(found, fmt.Sprintf("--%s=%s", key, text(item)))
		}
	}
	return found, nil
}

// text writes a value the way it stood in the file; numbers came as floats.
func text(item any) string {
	if number, is := item.(float64); is {
		return strconv.FormatFloat(number, 'f', -1, 64)
	}
	return fmt.Sprint(item)
}

func items(value any) []any {
	switch typed := value.(type) {
	case nil:
		return nil
	case []any:
		return typed
	default:
		return []any{typed}
	}
}

// NodeName is the node's name: told, or the host's.
func (options *Options) NodeName() (string, error) {
	name := options.Get("node-name")
	if name == "" {
		host, err := os.Hostname()
		if err != nil {
			return "", err
		}
		name, _, _ = strings.Cut(host, ".")
	}
	return strings.ToLower(name), nil
}

// NodeIP is the node's address inside the cluster: told, or that of the
// interface which packets leave by.
func (options *Options) NodeIP() (string, error) {
	if told := options.List("node-ip"); len(told) > 0 {
		if net.ParseIP(told[0]) == nil {
			return "", fmt.Errorf("invalid node-ip: %s", told[0])
		}
		return told[0], nil
	}
	interfaces, err := net.Interfaces()
	if err != nil {
		return "", err
	}
	for _, link := range interfaces {
		addresses, _ := link.Addrs()
		for _, address := range addresses {
			network, is := address.(*net.IPNet)
			if is && network.IP.IsGlobalUnicast() && network.IP.To4() != nil {
				return network.IP.String(), nil
			}
		}
	}
	return "", fmt.Errorf("no default routes found in \"/proc/net/route\" or \"/proc/net/ipv6_route\"")
}
