// Package snapshot is `k3s etcd-snapshot`.
package snapshot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"honey.test/k3s/internal/logline"
	"honey.test/k3s/internal/options"
	"honey.test/k3s/internal/server"
	"sigs.k8s.io/yaml"
)

// Run is one of save, ls, delete and prune.
func Run(arguments []string) error {
	verb := "save"
	if len(arguments) > 0 && !strings.HasPrefix(arguments[0], "-") {
		verb, arguments = arguments[0], arguments[1:]
	}
	options, err := options.Parse(options.Snapshot(), arguments)
	if err != nil {
		return err
	}
	if options.Is("etcd-s3") {
		return errors.New("the stand-in keeps snapshots on the local disk only")
	}
	folder := options.Get("dir")
	if folder == "" {
		folder = options.Get("etcd-snapshot-dir")
	}
	if folder == "" {
		folder = options.Data("server/db/snapshots")
	}
	name := options.Get("name")
	if name == "" {
		name = options.Get("etcd-snapshot-name")
	}
	switch verb {
	case "save":
		return save(options, folder, name)
	case "ls", "list", "l":
		return list(options, folder)
	case "delete":
		return remove(options, folder)
	case "prune":
		return prune(options, folder, name)
	}
	return fmt.Errorf("No help topic for '%s'", verb)
}

func save(options *options.Options, folder, name string) error {
	if len(options.Rest) > 0 {
		return fmt.Errorf("extra arguments: %v", options.Rest)
	}
	node, err := options.NodeName()
	if err != nil {
		return err
	}
	tls := options.Data("server/tls")
	if _, err := os.Stat(tls); err != nil {
		return fmt.Errorf("see server log for details: %w", err)
	}
	client, err := server.EtcdClient(tls, "https://127.0.0.1:2379")
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	short, stop := context.WithTimeout(ctx, 5*time.Second)
	defer stop()
	if _, err := client.Status(short, "https://127.0.0.1:2379"); err != nil {
		return fmt.Errorf("see server log for details: %w", err)
	}
	content, err := client.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer content.Close()
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	full := fmt.Sprintf("%s-%s-%d", name, node, time.Now().Unix())
	path := filepath.Join(folder, full)
	half, err := os.OpenFile(path+".part", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if _, err := io.Copy(half, content); err != nil {
		return errors.Join(err, half.Close(), os.Remove(path+".part"))
	}
	if err := errors.Join(half.Sync(), half.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+".part", path); err != nil {
		return err
	}
	logline.Info("Snapshot %s saved.", full)
	return nil
}

type file struct {
	name    string
	path    string
	size    int64
	created time.Time
}

func found(folder string) []file {
	entries, _ := os.ReadDir(folder)
	var files []file
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || !info.Mode().IsRegular() || strings.HasSuffix(entry.Name(), ".part") {
			continue
		}
		created := info.ModTime()
		if at := strings.LastIndex(entry.Name(), "-"); at >= 0 {
			if seconds, err := strconv.ParseInt(entry.Name()[at+1:], 10, 64); err == nil {
				created = time.Unix(seconds, 0)
			}
		}
		files = append(files, file{entry.Name(), filepath.Join(folder, entry.Name()), info.Size(), created.UTC()})
	}
	slices.SortFunc(files, func(a, b file) int { return a.created.Compare(b.created) })
	return files
}

func list(options *options.Options, folder string) error {
	files := found(folder)
	node, err := options.NodeName()
	if err != nil {
		return err
	}
	switch output := options.Get("output"); output {
	case "json", "yaml":
		items := []any{}
		for _, file := range files {
			items = append(items, map[string]any{
				"apiVersion": "k3s.cattle.io/v1", "kind": "ETCDSnapshotFile",
				"metadata": map[string]any{"name": "local-" + file.name},
				"spec":     map[string]any{"snapshotName": file.name, "nodeName": node, "location": "file://" + file.path},
				"status": map[string]any{
					"size": strconv.FormatInt(file.size, 10), "creationTime": file.created.Format(time.RFC3339), "readyToUse": true,
				},
			})
		}
		text, err := json.MarshalIndent(map[string]any{
			"apiVersion": "k3s.cattle.io/v1", "kind": "ETCDSnapshotFileList", "metadata": map[string]any{}, "items": items,
		}, "", "  ")
		if err == nil && output == "yaml" {
			text, err = yaml.JSONToYAML(text)
		}
		if err != nil {
			return err
		}
		fmt.Println(string(text))
	case "table":
		table := tabwriter.NewWriter(os.Stdout, 0, 0, 1, ' ', 0)
		fmt.Fprintln(table, "Name\tLocation\tSize\tCreated")
		for _, file := range files {
			fmt.Fprintf(table, "%s\tfile://%s\t%d\t%s\n", file.name, file.path, file.size, file.created.Format(time.RFC3339))
		}
		return table.Flush()
	default:
		return fmt.Errorf("invalid output format %s", output)
	}
	return nil
}

func remove(options *options.Options, folder string) error {
	if len(options.Rest) == 0 {
		return errors.New("no snapshots given for removal")
	}
	for _, name := range options.Rest {
		path := filepath.Join(folder, filepath.Base(name))
		switch err := os.Remove(path); {
		case os.IsNotExist(err):
			logline.Warn("Snapshot %s not found", name)
		case err != nil:
			return err
		default:
			logline.Info("Snapshot %s deleted.", name)
		}
	}
	return nil
}

func prune(options *options.Options, folder, name string) error {
	keep, err := strconv.Atoi(options.Get("etcd-snapshot-retention"))
	if err != nil || keep < 1 {
		return errors.New("retention must be at least 1")
	}
	files := slices.DeleteFunc(found(folder), func(one file) bool { return !strings.HasPrefix(one.name, name+"-") })
	for _, file := range files[:max(0, len(files)-keep)] {
		if err := os.Remove(file.path); err != nil {
			return err
		}
		logline.Info("Snapshot %s deleted.", file.name)
	}
	return nil
}
