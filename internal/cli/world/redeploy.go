package world

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cli/keys"
	"cloudpay/internal/emulator/desk"
	"cloudpay/internal/emulator/watch"
	"cloudpay/internal/emulator/workload"
)

// deployment is what a world deploys, again and again.
type deployment struct {
	world *World
	desk  *desk.Desk
	dir   string
	logs  io.Writer // gets what the functions print
	// binaries are the own functions', and fromSources says that they are built in dir.
	binaries    map[string]string
	fromSources bool

	sources []string // of the last plan
}

// plan is the deployment of what is described now. What is described and not played is said.
func (p *deployment) plan(ctx context.Context) (as desk.Deployment, names []string, err error) {
	w := p.world
	o, notes, err := w.Deploy.Options()
	if err != nil {
		return as, nil, err
	}
	o.Workspace, o.Binaries, o.Runtime, o.Env = filepath.Join(p.dir, "functions"), p.binaries, w.Runtime, p.desk.Env(w.Settings)
	if err := os.MkdirAll(o.Workspace, 0o700); err != nil {
		return as, nil, bilingual.Errorf("making the functions' folder: %w", "创建云函数目录：%w", err)
	}
	plan, err := workload.Make(ctx, o)
	if ctx.Err() != nil { // the go command was stopped
		return as, nil, context.Cause(ctx)
	}
	if err != nil {
		return as, nil, err
	}
	for _, note := range append(notes, plan.Notes...) {
		w.say("%s", "%s", note)
	}
	for _, f := range plan.Functions {
		names = append(names, f.Name)
	}
	p.sources = plan.Sources
	return desk.Deployment{
		Functions: plan.Functions, Timers: plan.Timers, NoTimers: w.Deploy.NoTimers,
		Logs: p.logs, Address: w.At.Cloud,
	}, names, nil
}

// again rebuilds the functions and replaces them. A fault leaves the old ones as they are.
func (p *deployment) again(ctx context.Context, because bilingual.Text) {
	w, begin := p.world, time.Now()
	w.say("%s: rebuilding and restarting the functions …", "%s：重新编译并重启云函数 …", because)
	names, err := p.replace(ctx)
	switch {
	case ctx.Err() != nil: // the world ends
	case err != nil:
		w.say("nothing is restarted: %s", "未重启：%s", bilingual.Wording(err))
	default:
		w.say("restarted %s in %s", "已重启 %s，用时 %s", strings.Join(names, ", "), time.Since(begin).Round(10*time.Millisecond))
	}
}

func (p *deployment) replace(ctx context.Context) ([]string, error) {
	if p.fromSources {
		if err := Build(ctx, filepath.Join(p.dir, "bin")); err != nil {
			return nil, err
		}
	}
	as, names, err := p.plan(ctx)
	if err != nil {
		return nil, err
	}
	return names, p.desk.Redeploy(ctx, as)
}

// serve replaces the functions when the key r is pressed or, with --watch, when a source changes,
// until ctx ends. One replacement ends before the next begins. watcher is nil without --watch.
func (p *deployment) serve(ctx context.Context, watcher *watch.Watcher) {
	wanted := make(chan bilingual.Text, 1)
	want := func(because bilingual.Text) {
		select {
		case wanted <- because:
		default: // one is to come anyway
		}
	}
	var watching sync.WaitGroup
	defer watching.Wait() // the terminal is as it was then
	watching.Go(func() {
		keys.Watch(ctx, os.Stdin, func(key byte) {
			if key == 'r' {
				want(bilingual.Same("r"))
			}
		})
	})
	if watcher != nil {
		watching.Go(func() {
			watcher.Run(ctx, func(file string) {
				want(bilingual.Sprintf("%s has changed", "%s 已变化", filepath.Base(file)))
			})
		})
	}
	for {
		select {
		case <-ctx.Done():
			return
		case because := <-wanted:
			p.again(ctx, because)
		}
	}
}

// watcher watches the sources of the last plan; it is nil without --watch.
func (p *deployment) watcher() (*watch.Watcher, error) {
	if !p.world.Deploy.Watch {
		return nil, nil //nolint:nilnil // no watcher is what was asked for
	}
	return watch.Start(p.sources)
}
