package server

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"honey.test/k3s/internal/api"
	"honey.test/k3s/internal/authority"
	"honey.test/k3s/internal/logline"
)

const (
	nameAnnotation    = "etcd.k3s.cattle.io/node-name"
	addressAnnotation = "etcd.k3s.cattle.io/node-address"
	finalizer         = "wrangler.cattle.io/managed-etcd-controller"
	// k3s looks every 15 s; a test need not wait for that.
	beat = 500 * time.Millisecond
)

// keepMembers promotes learners that caught up. Only the leader can.
func (server *Server) keepMembers(ctx context.Context) {
	for every(ctx, beat) {
		short, cancel := context.WithTimeout(ctx, 5*time.Second)
		server.promote(short)
		cancel()
	}
}

func (server *Server) promote(ctx context.Context) {
	status, err := server.etcd.Status(ctx, localEtcd)
	if err != nil || status.Leader != status.Header.MemberId {
		return
	}
	list, err := server.etcd.MemberList(ctx)
	if err != nil {
		return
	}
	for _, member := range list.Members {
		if !member.IsLearner || member.Name == "" {
			continue
		}
		// Refused until the learner has nearly all of the log.
		if _, err := server.etcd.MemberPromote(ctx, member.ID); err == nil {
			logline.Info("Promoted learner %s", member.Name)
		}
	}
}

// keepNode tells on the own node object what k3s tells there, and takes members
// out whose node was deleted.
func (server *Server) keepNode(ctx context.Context) {
	for every(ctx, beat) {
		nodes, err := server.api.Nodes()
		if err != nil {
			continue
		}
		for at := range nodes {
			node := &nodes[at]
			if node.Metadata.DeletionTimestamp != nil {
				server.release(ctx, node)
			} else if node.Metadata.Name == server.name {
				server.describe(node)
			}
		}
	}
}

// describe labels the own node and says whether its member votes.
func (server *Server) describe(node *api.Node) {
	path := "/api/v1/nodes/" + server.name
	labels := map[string]any{}
	for _, role := range []string{"control-plane", "etcd", "master"} {
		if node.Metadata.Labels["node-role.kubernetes.io/"+role] != "true" {
			labels["node-role.kubernetes.io/"+role] = "true"
		}
	}
	if len(labels) > 0 || node.Metadata.Annotations[nameAnnotation] != server.member || !slices.Contains(node.Metadata.Finalizers, finalizer) {
		finalizers := node.Metadata.Finalizers
		if !slices.Contains(finalizers, finalizer) {
			finalizers = append(finalizers, finalizer)
		}
		_ = server.api.Do(http.MethodPatch, path, map[string]any{"metadata": map[string]any{
			"labels": labels, "finalizers": finalizers,
			"annotations": map[string]string{nameAnnotation: server.member, addressAnnotation: server.ip},
		}}, nil)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	status, err := server.etcd.Status(ctx, localEtcd)
	if err != nil {
		return
	}
	now := time.Now().UTC().Truncate(time.Second)
	told := api.Condition{
		Type: "EtcdIsVoter", Status: "True", Reason: "MemberNotLearner",
		Message: "Node is a voting member of the etcd cluster", LastHeartbeatTime: now, LastTransitionTime: now,
	}
	if status.IsLearner {
		told.Status, told.Reason, told.Message = "False", "MemberIsLearner", "Node has not been promoted to voting member of the etcd cluster"
	}
	conditions := slices.Clone(node.Status.Conditions)
	at := slices.IndexFunc(conditions, func(one api.Condition) bool { return one.Type == told.Type })
	ready := slices.ContainsFunc(conditions, func(one api.Condition) bool { return one.Type == "Ready" && one.Status == "True" })
	if at >= 0 && conditions[at].Status == "True" && ready {
		mark("whole")
	}
	if at >= 0 && conditions[at].Status == told.Status && now.Sub(conditions[at].LastHeartbeatTime) < time.Minute {
		return
	}
	// Conditions merge by type.
	_ = server.api.DoStrategic(path+"/status", map[string]any{"status": map[string]any{"conditions": []api.Condition{told}}})
}

// mark notes when something was first so, for those who measure: k3s has no such files.
func mark(name string) {
	path := "/run/k3s/" + name
	if !exists(path) {
		_ = authority.Write(path, nil, 0o644)
	}
}

// release takes the member of a deleted node out of etcd and lets the node go.
func (server *Server) release(ctx context.Context, node *api.Node) {
	if !slices.Contains(node.Metadata.Finalizers, finalizer) {
		return
	}
	short, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if member := node.Metadata.Annotations[nameAnnotation]; member != "" {
		list, err := server.etcd.MemberList(short)
		if err != nil {
			return
		}
		for _, one := range list.Members {
			if one.Name != member {
				continue
			}
			logline.Info("Removing name=%s id=%d from etcd", member, one.ID)
			if _, err := server.etcd.MemberRemove(short, one.ID); err != nil {
				logline.Error("Unable to remove %s from etcd: %v", member, err)
				return
			}
		}
	}
	name := node.Metadata.Name
	_ = server.api.Do(http.MethodDelete, passwordPath(name), nil, nil)
	left := slices.DeleteFunc(slices.Clone(node.Metadata.Finalizers), func(one string) bool { return one == finalizer })
	_ = server.api.Do(http.MethodPatch, "/api/v1/nodes/"+name, map[string]any{"metadata": map[string]any{"finalizers": left}}, nil)
}

func passwordPath(node string) string {
	return "/api/v1/namespaces/kube-system/secrets/" + node + ".node-password.k3s"
}

// checkNodePassword keeps the first password of a node and refuses others.
func (server *Server) checkNodePassword(node, password string) error {
	if server.api == nil {
		return errors.New("runtime core not ready")
	}
	sum := sha256.Sum256([]byte(password))
	hash := hex.EncodeToString(sum[:])
	var secret struct {
		Data map[string]string `json:"data"`
	}
	err := server.api.Do(http.MethodGet, passwordPath(node), nil, &secret)
	var refusal *api.Refusal
	if errors.As(err, &refusal) && refusal.Status == http.StatusNotFound {
		return server.api.Do(http.MethodPost, "/api/v1/namespaces/kube-system/secrets", map[string]any{
			"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "immutable": true,
			"metadata": map[string]any{"name": node + ".node-password.k3s"}, "stringData": map[string]string{"hash": hash},
		}, nil)
	}
	if err != nil {
		return err
	}
	stored, err := base64.StdEncoding.DecodeString(secret.Data["hash"])
	if err != nil || strings.TrimSpace(string(stored)) != hash {
		return fmt.Errorf("Node password rejected, duplicate hostname or contents of '/etc/rancher/node/password' may not match server node-passwd entry, try enabling a unique node name with the --with-node-id flag")
	}
	return nil
}

// every waits for one beat; false when it is over.
func every(ctx context.Context, pause time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(pause):
		return true
	}
}
