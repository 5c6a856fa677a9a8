// Package api talks to the API server behind the stand-in, as its administrator.
package api

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

// Client is a connection.
type Client struct {
	base string
	http *http.Client
}

// Refusal is an answer that is no success.
type Refusal struct {
	Status int
	Text   string
}

func (refusal *Refusal) Error() string { return fmt.Sprintf("%d: %s", refusal.Status, refusal.Text) }

// New uses a client certificate `<base>.crt` and `<base>.key`.
func New(url, authority, base string) (*Client, error) {
	text, err := os.ReadFile(authority)
	if err != nil {
		return nil, err
	}
	pair, err := tls.LoadX509KeyPair(base+".crt", base+".key")
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{pair}}}
	return &Client{url, &http.Client{Transport: transport, Timeout: 10 * time.Second}}, nil
}

// Do sends one request and decodes the answer into `into`, when not nil.
func (client *Client) Do(method, path string, body, into any) error {
	kind := "application/json"
	if method == http.MethodPatch {
		kind = "application/merge-patch+json"
	}
	return client.send(method, path, kind, body, into)
}

func (client *Client) send(method, path, kind string, body, into any) error {
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		content = bytes.NewReader(text)
	}
	request, err := http.NewRequest(method, client.base+path, content)
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", kind)
	answer, err := client.http.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 16<<20))
	if err != nil {
		return err
	}
	if answer.StatusCode >= 300 {
		return &Refusal{answer.StatusCode, string(text)}
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(text, into)
}

// Node is what the stand-in reads of one.
type Node struct {
	Metadata struct {
		Name              string            `json:"name"`
		Annotations       map[string]string `json:"annotations"`
		Labels            map[string]string `json:"labels"`
		Finalizers        []string          `json:"finalizers"`
		DeletionTimestamp *time.Time        `json:"deletionTimestamp"`
	} `json:"metadata"`
	Spec struct {
		PodCIDR string `json:"podCIDR"`
	} `json:"spec"`
	Status struct {
		Addresses []struct {
			Type    string `json:"type"`
			Address string `json:"address"`
		} `json:"addresses"`
		Conditions []Condition `json:"conditions"`
	} `json:"status"`
}

// Condition of a node.
type Condition struct {
	Type               string    `json:"type"`
	Status             string    `json:"status"`
	Reason             string    `json:"reason,omitempty"`
	Message            string    `json:"message,omitempty"`
	LastHeartbeatTime  time.Time `json:"lastHeartbeatTime"`
	LastTransitionTime time.Time `json:"lastTransitionTime"`
}

// Address is the node's inner address.
func (node *Node) Address() string {
	for _, address := range node.Status.Addresses {
		if address.Type == "InternalIP" {
			return address.Address
		}
	}
	return ""
}

// Nodes lists all.
func (client *Client) Nodes() ([]Node, error) {
	var list struct {
		Items []Node `json:"items"`
	}
	return list.Items, client.Do(http.MethodGet, "/api/v1/nodes", nil, &list)
}

// DoStrategic patches; lists merge by their keys.
func (client *Client) DoStrategic(path string, body any) error {
	return client.send(http.MethodPatch, path, "application/strategic-merge-patch+json", body, nil)
}
