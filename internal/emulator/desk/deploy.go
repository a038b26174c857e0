package desk

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/emulator/access"
	"cloudpay/internal/emulator/platform"
	"cloudpay/internal/emulator/traffic"
	"cloudpay/pkg/paygate"
)

// Deployment says how the functions run.
type Deployment struct {
	// Functions are the functions. Their Log and CloudURL are the deployment's. When nil, this
	// repository's functions run as the next three fields say.
	Functions []platform.Spec
	Binaries  map[string]string // by function, from [Find]
	Runtime   platform.Runtime
	Env       map[string]string // from [Desk.Env]

	// Timers fire the functions by the gateway's clock, unless NoTimers leaves that to requests.
	Timers   []platform.Timer
	NoTimers bool

	// NotifyURL is the notify_url of orders that the management API adds without one: an address,
	// or a path of the cloud. HTTPFunction is the function that wx.cloud.callHTTPFunction is to
	// call, for the description. Empty: none.
	NotifyURL, HTTPFunction string

	Logs    io.Writer // gets what the platform and the functions log
	Address string    // where the cloud listens

	// Origins are those of the web pages that may call the functions, and Keys those of which SDKs
	// have to sign with one; without any, every signature will do.
	Origins []string
	Keys    access.Keys
	// Register serves the management API of the functions' register, on the cloud's address; nil:
	// there is none.
	Register http.Handler
	// Ended, if not nil, gets each call of the cloud when it has ended. It must not block.
	Ended func(traffic.Call)
}

// specs are the functions' specs. The cloud's address is known before they start; their own SDKs
// sign with the first of its keys.
func (as Deployment) specs(cloudURL string, keys access.Keys) []platform.Spec {
	specs := slices.Clone(as.Functions)
	if specs == nil {
		for _, name := range Functions() {
			specs = append(specs, platform.Spec{
				Name: name, Binary: as.Binaries[name], Runtime: as.Runtime, Env: environ(as.Env), TimeLimit: timeLimit,
			})
		}
	}
	for i := range specs {
		specs[i].Log, specs[i].CloudURL = as.Logs, cloudURL
		if len(keys) > 0 {
			specs[i].CloudKey = keys[0]
		}
	}
	return specs
}

// running is a deployment that runs.
type running struct {
	functions map[string]*platform.Function
	cloud     *platform.Cloud
	url       string
	// noMore keeps the timers from firing again, and endTimers waits for the firings in progress,
	// too; both are nil when none fire.
	noMore, endTimers func()

	// notifyURL is where orders without an address are notified, and httpURL where
	// wx.cloud.callHTTPFunction calls; empty: nowhere.
	notifyURL, httpURL string

	gone     []*platform.Function // those that Redeploy took away
	retiring sync.WaitGroup       // their calls in flight
}

// Deploy starts the functions and serves the cloud that they are called by, at the URL. stop ends
// both: the functions first, since the cloud waits for the events that they still handle. After an
// error nothing of the deployment runs. A desk may hold several deployments one after the other,
// each with its own settings and the same gateway.
func (d *Desk) Deploy(ctx context.Context, as Deployment) (url string, stop func(), err error) {
	front := &entrance{}
	if url, err = d.serve(ctx, "cloud", as.Address, front); err != nil {
		return "", nil, err
	}
	functions := map[string]*platform.Function{}
	r := &running{
		functions: functions, url: url,
		cloud: &platform.Cloud{
			Functions: functions, AppID: d.secrets.merchant.AppID, AllowOrigins: as.Origins, Keys: as.Keys,
			Clock: &d.clock.cloud, Journal: traffic.Journal{Ended: as.Ended}, Spool: d.spool, Register: as.Register,
		},
	}
	d.traffic.by(r.cloud, url)
	for _, spec := range as.specs(url, as.Keys) {
		if functions[spec.Name], err = platform.Start(ctx, spec); err != nil {
			delete(functions, spec.Name)
			r.stop()
			return "", nil, bilingual.Errorf("starting the function %s: %w", "启动云函数 %s：%w", spec.Name, err)
		}
	}
	if err := r.cloud.Resume(ctx); err != nil {
		r.stop()
		return "", nil, bilingual.Errorf("%w\nmove %s away to begin without the asynchronous events of earlier runs",
			"%w\n将 %s 移走即可在没有此前异步事件的情况下重新开始", err, cloudFile)
	}
	if err := r.announce(d.Gateway, as); err != nil {
		r.stop()
		return "", nil, err
	}
	r.fireTimers(ctx, as)
	front.open(r.cloud)
	d.running = r
	return url, r.stop, nil
}

// Changes name the functions that a redeployment replaced, added and took away.
type Changes struct{ Restarted, Added, Removed []string }

// Redeploy replaces the functions of the last deployment by those of another one, starts those that
// are new, and takes away those that are not there any more. Calls in flight end on the old ones.
// The error joins why some were not replaced, which go on as they are, and why new ones did not
// start, which are left out; the others have changed all the same.
func (d *Desk) Redeploy(ctx context.Context, as Deployment) (Changes, error) {
	r := d.running
	functions, changes, faults := map[string]*platform.Function{}, Changes{}, []error{}
	for _, spec := range as.specs(r.url, r.cloud.Keys) {
		function, known := r.functions[spec.Name]
		var err error
		if known {
			err = function.Restart(ctx, spec)
		} else {
			function, err = platform.Start(ctx, spec)
		}
		switch {
		case err == nil && known:
			changes.Restarted = append(changes.Restarted, spec.Name)
		case err == nil:
			changes.Added = append(changes.Added, spec.Name)
		case known:
			faults = append(faults, bilingual.Errorf("the old %s goes on: %w", "旧的 %s 继续运行：%w", spec.Name, err))
		default:
			faults = append(faults, bilingual.Errorf("the new %s is left out: %w", "新的 %s 未启动：%w", spec.Name, err))
			continue
		}
		functions[spec.Name] = function
	}
	changes.Removed = r.use(ctx, functions, as)
	faults = append(faults, r.announce(d.Gateway, as))
	return changes, errors.Join(faults...)
}

// announce has the gateway notify the deployment of orders without an address.
func (r *running) announce(gateway *paygate.Gateway, as Deployment) error {
	r.notifyURL, r.httpURL = as.NotifyURL, ""
	if strings.HasPrefix(r.notifyURL, "/") {
		r.notifyURL = r.url + r.notifyURL
	}
	if as.HTTPFunction != "" {
		r.httpURL = r.url + "/wx/" + as.HTTPFunction
	}
	if err := gateway.SetNotifyURL(r.notifyURL); err != nil {
		return bilingual.Errorf("the notify_url of orders without one: %w", "订单默认的 notify_url：%w", err)
	}
	return nil
}

// use has calls and timers reach these functions from now on, and retires those that are not among
// them, whose names it returns.
func (r *running) use(ctx context.Context, functions map[string]*platform.Function, as Deployment) (removed []string) {
	old := r.functions
	r.functions = functions
	r.cloud.SetFunctions(functions)
	as.Timers = slices.DeleteFunc(slices.Clone(as.Timers), func(t platform.Timer) bool { return functions[t.Function] == nil })
	r.fireTimers(ctx, as)
	for _, name := range slices.Sorted(maps.Keys(old)) {
		if gone := old[name]; functions[name] == nil {
			removed = append(removed, name)
			r.gone = append(r.gone, gone)
			r.retiring.Go(gone.Retire)
		}
	}
	return removed
}

// fireTimers has the timers of a deployment fire instead of those of before.
func (r *running) fireTimers(ctx context.Context, as Deployment) {
	r.stopTimers()
	r.cloud.SetTimers(as.Timers)
	if as.NoTimers || len(as.Timers) == 0 {
		return
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx)) // stop ends them
	var done sync.WaitGroup
	done.Go(func() { r.cloud.RunTimers(ctx) })
	r.noMore, r.endTimers = cancel, func() {
		cancel()
		done.Wait()
	}
}

// stopTimers waits for the firings in progress.
func (r *running) stopTimers() {
	if r.endTimers != nil {
		r.endTimers()
		r.noMore, r.endTimers = nil, nil
	}
}

// stop also ends a deployment that is half made. Timers that are due still would fail one after the
// other when the functions are gone.
func (r *running) stop() {
	if r.noMore != nil {
		r.noMore()
	}
	for _, f := range r.functions {
		_ = f.Close()
	}
	for _, f := range r.gone {
		_ = f.Close() // which ends its calls in flight
	}
	r.retiring.Wait()
	r.stopTimers()
	_ = r.cloud.Close()
}

// entrance is the cloud's address while its functions start. They know it from then on.
type entrance struct {
	cloud atomic.Pointer[platform.Cloud]
}

// open lets requests in.
func (e *entrance) open(cloud *platform.Cloud) { e.cloud.Store(cloud) }

// ServeHTTP refuses requests that come before the functions are there.
func (e *entrance) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if cloud := e.cloud.Load(); cloud != nil {
		cloud.ServeHTTP(w, r)
		return
	}
	http.Error(w, "the functions are still starting", http.StatusServiceUnavailable)
}
