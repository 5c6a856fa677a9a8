// Package kubeconfig writes the files by which clients find the API.
package kubeconfig

import (
	"encoding/base64"
	"fmt"
	"os"
)

// Path is where k3s writes the administrator's.
const Path = "/etc/rancher/k3s/k3s.yaml"

// Text is one for a client certificate `<base>.crt` and `<base>.key`.
func Text(url, authority, base string) ([]byte, error) {
	var encoded [3]string
	for at, path := range []string{authority, base + ".crt", base + ".key"} {
		content, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		encoded[at] = base64.StdEncoding.EncodeToString(content)
	}
	return fmt.Appendf(nil, `apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: %s
    server: %s
  name: default
contexts:
- context:
    cluster: default
    user: default
  name: default
current-context: default
kind: Config
preferences: {}
users:
- name: default
  user:
    client-certificate-data: %s
    client-key-data: %s
`, encoded[0], url, encoded[1], encoded[2]), nil
}
