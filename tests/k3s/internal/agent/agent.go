// Package agent is `k3s agent`: a node without a control plane.
package agent

import (
	"context"
	"errors"
	"fmt"
	"os/signal"
	"syscall"

	"honey.test/k3s/internal/claim"
	"honey.test/k3s/internal/logline"
	"honey.test/k3s/internal/node"
	"honey.test/k3s/internal/options"
	"honey.test/k3s/internal/process"
	"honey.test/k3s/internal/server"
)

// Run is the whole life of an agent. It keeps to the one server it was told;
// k3s goes over to another when that one is away.
func Run(claim claim.Claim, options *options.Options) error {
	if len(options.Rest) > 0 {
		return fmt.Errorf("extra arguments: %v", options.Rest)
	}
	token, given, err := server.GivenToken(options)
	if err != nil {
		return err
	}
	url := options.Get("server")
	switch {
	case !given:
		return errors.New("--token is required")
	case url == "":
		return errors.New("--server is required")
	}
	logline.Info("Starting k3s agent %s", claim.Version)
	access, err := server.NewAccess(url, token)
	if err != nil {
		return fmt.Errorf("failed to validate connection to cluster at %s: %w", url, err)
	}
	group, err := process.New(options.Data("agent/logs"))
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	defer group.Stop()
	if err := node.Start(ctx, claim, options, group, url, access); err != nil {
		return err
	}
	logline.Info("k3s agent is up and running")
	server.Ready()
	select {
	case <-ctx.Done():
		return nil
	case exit := <-group.Exits():
		logline.Error("%s", exit.Tail)
		return fmt.Errorf("%s exited: %v", exit.Name, exit.Err)
	}
}
