package world

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cli/inspection"
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
	// cloudURL is the address that the cloud is going to have.
	cloudURL string
	// register is the functions' register; nil: they have none.
	register *registered

	sources []string // of the last plan
	// settings are the functions of the last plan with their variables, for the management API.
	settings atomic.Pointer[[]inspection.Function]
	watcher  *watch.Watcher // nil without --watch
}

// plan is the deployment of what is described now. What is described and not played is said.
func (p *deployment) plan(ctx context.Context) (as desk.Deployment, err error) {
	w := p.world
	o, notes, err := w.Deploy.Options()
	if err != nil {
		return as, err
	}
	o.Workspace, o.Binaries, o.Runtime, o.Env = filepath.Join(p.dir, "functions"), p.binaries, w.Runtime, p.desk.Env(w.Settings)
	o.LoginURL = p.cloudURL
	if err := os.MkdirAll(o.Workspace, 0o700); err != nil {
		return as, bilingual.Errorf("making the functions' folder: %w", "创建云函数目录：%w", err)
	}
	plan, err := workload.Make(ctx, o)
	if ctx.Err() != nil { // the go command was stopped
		return as, context.Cause(ctx)
	}
	if err != nil {
		return as, err
	}
	for _, note := range append(notes, plan.Notes...) {
		w.say("%s", "%s", note)
	}
	p.sources = plan.Sources
	p.remember(plan.Functions, o)
	p.register.follow(plan.Functions)
	return desk.Deployment{
		Functions: plan.Functions, Timers: plan.Timers, NoTimers: w.Deploy.NoTimers,
		NotifyURL: w.notifyURL(plan.NotifyPath), HTTPFunction: plan.HTTPFunction,
		Logs: p.logs, Address: w.At.Cloud,
	}, nil
}

// again rebuilds the functions and replaces them, those that are described now: new ones start, and
// others end. A fault of the description or of a build leaves all of them as they are.
func (p *deployment) again(ctx context.Context, because bilingual.Text) {
	w, begin := p.world, time.Now()
	w.say("%s: rebuilding and restarting the functions …", "%s：重新编译并重启云函数 …", because)
	changes, err := p.replace(ctx)
	switch {
	case ctx.Err() != nil: // the world ends
		return
	case err != nil && changes == nil:
		w.say("nothing is restarted: %s", "未重启：%s", bilingual.Wording(err))
		return
	case err != nil:
		w.say("%s", "%s", bilingual.Wording(err))
	}
	if len(changes.Restarted) > 0 {
		w.say("restarted %s in %s", "已重启 %s，用时 %s", strings.Join(changes.Restarted, ", "), time.Since(begin).Round(10*time.Millisecond))
	}
	if len(changes.Added) > 0 {
		w.say("new, and started: %s", "新增并启动：%s", strings.Join(changes.Added, ", "))
	}
	if len(changes.Removed) > 0 {
		w.say("no longer described, and ended: %s", "已不在描述文件中，已停止：%s", strings.Join(changes.Removed, ", "))
	}
}

// replace builds and replaces the functions. Without changes nothing was replaced; with them the
// error says which functions were not.
func (p *deployment) replace(ctx context.Context) (*desk.Changes, error) {
	if p.fromSources {
		more, err := p.world.more()
		if err != nil {
			return nil, err
		}
		binaries, err := p.world.compile(ctx, filepath.Join(p.dir, "bin"), more)
		if err != nil {
			return nil, err
		}
		p.binaries = binaries
	}
	as, err := p.plan(ctx)
	if err != nil {
		return nil, err
	}
	changes, err := p.desk.Redeploy(ctx, as)
	if p.watcher != nil {
		err = errors.Join(err, p.watcher.Add(p.sources))
	}
	return &changes, err
}

// serve opens the console when the key e is pressed, and replaces the functions when r is or, with
// --watch, when a source changes, until ctx ends. One replacement ends before the next begins.
func (p *deployment) serve(ctx context.Context, console string) {
	if p.world.OpenConsole {
		p.world.browse(ctx, console)
	}
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
			switch key {
			case 'r':
				want(bilingual.Same("r"))
			case 'e':
				p.world.browse(ctx, console)
			}
		})
	})
	if p.watcher != nil {
		watching.Go(func() {
			p.watcher.Run(ctx, func(file string) {
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

// watch begins to watch the sources of the last plan, with --watch.
func (p *deployment) watch() (err error) {
	if p.world.Deploy.Watch {
		p.watcher, err = watch.Start(p.sources)
	}
	return err
}
