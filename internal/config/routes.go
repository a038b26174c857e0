package config

import (
	"slices"
	"strings"

	"cloudpay/internal/bilingual"
)

const nameRoutes = "CLOUDPAY_ROUTES"

// The routes of the function web, and what they lead to. A test compares them with package paths.
const (
	routePayNotify = "paynotify"
	routeSweep     = "sweep"
	routeMetrics   = "metrics"
)

// routeNames are the routes that CLOUDPAY_ROUTES may name.
var routeNames = []string{"closeorder", "queryorder", routePayNotify, routeSweep, "healthz", routeMetrics, "dropin"}

// initialRoutes are served when none are named: those that let in no caller that closeorder and
// queryorder do not. Each other one is a door of its own, which the operator opens by its name.
const initialRoutes = "closeorder,queryorder,healthz"

// readRoutes reads a list of routes. The entries before a faulty one are kept.
func readRoutes(c *Config, value string) *Fault {
	for i, entry := range strings.Split(value, ",") {
		entry = strings.TrimSpace(entry)
		if !slices.Contains(routeNames, entry) {
			return &Fault{Problem: wrongEntry(i, bilingual.New("is not the name of a route", "不是路由的名称"))}
		}
		c.Routes = append(c.Routes, entry)
	}
	return nil
}

// CheckRoutes returns the faults of a function that serves these routes, which are named as in
// CLOUDPAY_ROUTES. They are none for functions that do not serve them.
//
//   - What WeChat Pay or a timer must reach from outside is a public door, and an identity header
//     proves nothing where one leads.
//   - A route that admits the holder of a token alone admits no caller without one.
//   - What is swept and measured is the register.
func (c Config) CheckRoutes(routes []string) []Fault {
	var faults []Fault
	for _, route := range []string{routePayNotify, routeSweep} {
		if c.BehindWXGateway && slices.Contains(routes, route) {
			faults = append(faults, publicDoor(route))
			break
		}
	}
	lacks := func(route, variable string, lacking bool) {
		if lacking && slices.Contains(routes, route) {
			faults = append(faults, Fault{
				Variable: variable,
				Problem:  bilingual.New("is not set, and the route "+route+" needs it", "未设置，而路由 "+route+" 需要它"),
				Remedy:   bilingual.New("set it, or take "+route+" out of "+nameRoutes, "请设置，或从 "+nameRoutes+" 中去掉 "+route),
			})
		}
	}
	lacks(routeSweep, nameTimerToken, len(c.TimerTokens) == 0)
	lacks(routeMetrics, nameMetricsToken, len(c.MetricsTokens) == 0)
	lacks(routeSweep, nameStore, c.Store.Reveal() == "")
	lacks(routeMetrics, nameStore, c.Store.Reveal() == "")
	return faults
}

// publicDoor is the fault of a public route beside a setting that says that there is none.
func publicDoor(route string) Fault {
	return Fault{
		Variable: nameBehindWXGateway,
		Problem: bilingual.New("is set, and the function serves "+route+", to which a public route must lead",
			"已设置，但函数提供 "+route+"，须有公网路由通向它"),
		Remedy: bilingual.New("deploy twice: one function for wx.cloud.callHTTPFunction without a route, another for "+route,
			"请部署两份：一份供 wx.cloud.callHTTPFunction 调用且无路由，另一份提供 "+route),
	}
}
