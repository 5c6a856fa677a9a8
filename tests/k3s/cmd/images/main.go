// Command images packs the program `answer` into image archives that containerd
// imports: `images ANSWER FOLDER` writes pause.tar and answer.tar.
package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: images ANSWER FOLDER")
		os.Exit(2)
	}
	program, err := os.ReadFile(os.Args[1])
	for _, one := range []struct {
		file    string
		names   []string
		command []string
	}{
		{"pause.tar", []string{"docker.io/rancher/mirrored-pause:3.6"}, []string{"/answer", "pause"}},
		{"answer.tar", []string{"docker.io/library/answer:1", "docker.io/library/answer:2"}, []string{"/answer", "serve", "8080"}},
	} {
		if err == nil {
			err = write(filepath.Join(os.Args[2], one.file), one.names, program, one.command)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// write makes a docker-archive of one layer.
func write(path string, names []string, program []byte, command []string) error {
	layer, err := archive(map[string][]byte{"answer": program}, []string{"answer"}, 0o755)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(layer)
	settings, err := json.Marshal(map[string]any{
		"architecture": runtime.GOARCH, "os": "linux",
		"config": map[string]any{"Entrypoint": command},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{"sha256:" + hex.EncodeToString(sum[:])}},
	})
	if err != nil {
		return err
	}
	manifest, err := json.Marshal([]any{map[string]any{
		"Config": "config.json", "RepoTags": names, "Layers": []string{"layer.tar"},
	}})
	if err != nil {
		return err
	}
	files := map[string][]byte{"manifest.json": manifest, "config.json": settings, "layer.tar": layer}
	whole, err := archive(files, []string{"manifest.json", "config.json", "layer.tar"}, 0o644)
	if err != nil {
		return err
	}
	return os.WriteFile(path, whole, 0o644)
}

func archive(files map[string][]byte, order []string, mode int64) ([]byte, error) {
	var buffer bytes.Buffer
	writer := tar.NewWriter(&buffer)
	for _, name := range order {
		header := &tar.Header{Name: name, Mode: mode, Size: int64(len(files[name]))}
		if err := writer.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := writer.Write(files[name]); err != nil {
			return nil, err
		}
	}
	return buffer.Bytes(), writer.Close()
}
