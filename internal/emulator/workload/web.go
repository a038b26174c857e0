package workload

import (
	"maps"
	"slices"
	"strings"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/emulator/deployfile"
	"cloudpay/internal/emulator/platform"
)

// webExecutable is cloudpay's function for HTTP, functions/web. A description may have it several
// times, under any names: CLOUDPAY_ROUTES says what each serves.
const webExecutable = "web"

// Variables that decide how functions/web is run, and the routes that have to be known here.
const (
	webRoutes   = "CLOUDPAY_ROUTES"
	gatewayOnly = "CLOUDPAY_BEHIND_WX_GATEWAY"
	loginEnv    = "CLOUDPAY_LOGIN_ENV"
	loginURL    = "CLOUDPAY_LOGIN_URL"
	noticeRoute = "paynotify"
)

// storeRoutes are the routes that need a register: without one the function would not start.
var storeRoutes = []string{"sweep", "metrics"}

// environmentName is the variable by which this repository's cloudbaserc.json names the CloudBase
// environment, and environmentID the emulated one's id, which is the platform's default.
const (
	environmentName = "ENV_ID"
	environmentID   = "cloudpay-local"
)

// isWeb reports whether a described function is functions/web.
func isWeb(f deployfile.Function) bool {
	_, has := f.Env[webRoutes]
	return has
}

// Executables names those of cloudpay's executables that the described functions need, closeorder
// and queryorder always. It needs of the options what [Check] needs, and Runtime. The error is
// Check's.
func Executables(o Options) ([]string, error) {
	described, err := o.read()
	if err != nil {
		return nil, err
	}
	names := slices.Sorted(maps.Keys(ownTimers))
	for _, f := range o.choose(described) {
		if isWeb(*f) && o.plays(*f) {
			return append(names, webExecutable), nil
		}
	}
	return names, nil
}

// plays reports whether a description of functions/web is for the cloud that the own functions run
// on: two of one deployment would be run beside each other otherwise.
func (o Options) plays(f deployfile.Function) bool {
	return (f.Cloud == deployfile.AWS) == (o.Runtime == platform.Lambda)
}

// ownWeb adds one of the descriptions of functions/web. It has no timers; closeorder and queryorder
// have those. Without a register it does not serve the routes that need one.
func (p *planner) ownWeb(f deployfile.Function) {
	runtime, played := runtimeOf(f)
	binary, built := p.Binaries[webExecutable]
	switch {
	case !p.plays(f):
		return
	case !played, runtime == platform.Node:
		p.plan.Notes = append(p.plan.Notes, bilingual.Sprintf("%s:%d: %s is left out: its runtime %q does not run cloudpay's function web",
			"%s:%d：略过 %s：其运行时 %q 不能运行 cloudpay 的云函数 web", f.File, f.Line, f.Name, f.Runtime))
		return
	case !built:
		p.plan.Notes = append(p.plan.Notes, bilingual.Sprintf("%s:%d: %s is left out: there is no executable web beside closeorder",
			"%s:%d：略过 %s：closeorder 旁没有可执行文件 web", f.File, f.Line, f.Name))
		return
	}
	routes := strings.Split(strings.ReplaceAll(f.Env[webRoutes], " ", ""), ",")
	if p.Env[store] == "" {
		routes = slices.DeleteFunc(routes, func(route string) bool { return slices.Contains(storeRoutes, route) })
	}
	env := p.ownEnv(f.Env)
	env[webRoutes] = strings.Join(routes, ",")
	spec := p.spec(f, env)
	spec.Binary, spec.Runtime = binary, runtime
	p.plan.Functions = append(p.plan.Functions, spec)
	p.announce(f, routes, runtime)
}

// announce notes what of functions/web other parts of the emulated world are to know. The first of
// several functions counts.
func (p *planner) announce(f deployfile.Function, routes []string, runtime platform.Runtime) {
	if p.plan.NotifyPath == "" && slices.Contains(routes, noticeRoute) {
		gateway := "/tcb/"
		if runtime == platform.Lambda {
			gateway = "/aws/"
		}
		p.plan.NotifyPath = gateway + f.Name + "/" + noticeRoute
	}
	if p.plan.HTTPFunction == "" && f.Env[gatewayOnly] == "1" {
		p.plan.HTTPFunction = f.Name
	}
}
