package paygate

import (
	"net/http"
	"strconv"
	"time"
)

// faultView is a fault in JSON. What the fault meets is in an object of its own.
type faultView struct {
	// the gateway's; one in a request is passed over, so that an answer can be sent back
	ID    int64 `json:"id,omitempty"`
	Match struct {
		Op         string `json:"op,omitempty"`
		API        string `json:"api,omitempty"`
		OutTradeNo string `json:"out_trade_no,omitempty"`
	} `json:"match"`
	Action Action `json:"action"`
	// how often it will still happen; 0 for ever
	Times int `json:"times"`
	// the share of the requests that it could meet; 0 all of them
	Probability float64 `json:"probability,omitempty"`
	// of the draws; 0 the gateway's
	Seed uint64 `json:"seed,omitempty"`
	// of the actions that read them
	Code       string `json:"code,omitempty"`
	HTTPStatus int    `json:"http_status,omitempty"`
	// as time.Duration writes it, and with days
	Delay string `json:"delay,omitempty"`
}

// newFaultView writes a fault as the management API shows it.
func newFaultView(f injected) faultView {
	view := faultView{
		ID: f.id, Action: f.Action, Times: f.Times, Probability: f.Probability, Seed: f.Seed, Code: f.Code, HTTPStatus: f.HTTPStatus,
	}
	view.Match.Op, view.Match.API, view.Match.OutTradeNo = f.Op, f.API, f.OutTradeNo
	if f.Delay != 0 {
		view.Delay = f.Delay.String()
	}
	return view
}

// fault reads a view. The error is about what only the JSON form can get wrong; [Fault.check] finds
// the rest.
func (view faultView) fault() (Fault, error) {
	fault := Fault{
		Op: view.Match.Op, API: view.Match.API, OutTradeNo: view.Match.OutTradeNo, Action: view.Action, Times: view.Times,
		Probability: view.Probability, Seed: view.Seed, Code: view.Code, HTTPStatus: view.HTTPStatus,
	}
	if view.Delay == "" {
		return fault, nil
	}
	delay, err := parseDuration(view.Delay)
	if err != nil {
		return Fault{}, invalid("delay: %q must be a duration, such as 250ms or 2s", view.Delay)
	}
	fault.Delay = delay
	return fault, nil
}

// adminInject serves POST /faults: it injects a fault, and shows it as it was understood.
func (g *Gateway) adminInject(r *http.Request) (int, any, error) {
	var view faultView
	if err := decodeAdmin(r, &view); err != nil {
		return 0, nil, err
	}
	fault, err := view.fault()
	if err != nil {
		return 0, nil, err
	}
	added, err := g.inject(fault)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, newFaultView(added), nil
}

// adminFaults shows the faults still to come.
func (g *Gateway) adminFaults(*http.Request) (int, any, error) {
	faults := g.faults.snapshot()
	views := make([]faultView, len(faults))
	for i, fault := range faults {
		views[i] = newFaultView(fault)
	}
	return http.StatusOK, views, nil
}

// adminRemoveFault removes one fault. One that was used up meanwhile is no longer there.
func (g *Gateway) adminRemoveFault(r *http.Request) (int, any, error) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil || !g.faults.remove(id) {
		return 0, nil, missing("there is no fault %q to come", r.PathValue("id"))
	}
	return http.StatusNoContent, nil, nil
}

// actionView says what one action can be injected with. The console builds its table of this, so
// that a new action has its row there without a change.
type actionView struct {
	Action Action `json:"action"`
	// the operations that it can be for: values of match.op
	Ops []string `json:"ops"`
	// the protocols that have it: values of match.api
	APIs []string `json:"apis"`
	// which of code, http_status and delay it reads; another one is refused with it
	Fields []string `json:"fields,omitempty"`
}

// requestOps are the operations of requests that a fault can name.
func requestOps() []string {
	return []string{opClose, opQuery, opPlace, opReverse, opRefund, opRefundQuery, opEcho, opCertificates}
}

// adminActions shows every action: those of requests first, then those of notifications, of which
// some have the same names.
func adminActions(*http.Request) (int, any, error) {
	// An action for both, such as Drop, has a row each: what it reads differs.
	views := make([]actionView, 0, len(actions)+len(notifyActions))
	for _, a := range actions {
		views = append(views, actionView{a.action, a.ops(), a.protocols(), a.fields()})
	}
	for _, a := range notifyActions {
		view := actionView{Action: a.action, Ops: []string{opNotify}, APIs: a.apis}
		if a.apis == nil {
			view.APIs = []string{apiV2, apiV3}
		}
		if a.action == Delay {
			view.Fields = []string{"delay"}
		}
		views = append(views, view)
	}
	return http.StatusOK, views, nil
}

// ops are the operations that an action can be injected for, by the check itself: one table says
// what goes together.
func (a *actionKind) ops() (ops []string) {
	// The smallest fault of this action that is right but for its operation.
	example := Fault{Action: a.action}
	if a.code {
		example.Code = codeSystemError
	}
	if a.delayed {
		example.Delay = time.Second
	}
	// The empty operation, closes and queries, is not among them: each of the two is.
	for _, op := range requestOps() {
		example.Op = op
		if example.check() == nil {
			ops = append(ops, op)
		}
	}
	return ops
}

// protocols are those that have the action.
func (a *actionKind) protocols() []string {
	if a.apis != nil {
		return a.apis
	}
	return []string{apiV2, apiV3, apiCloudRun}
}

// fields are the further fields that the action reads, by their names in JSON.
func (a *actionKind) fields() (names []string) {
	for _, field := range []struct {
		name string
		is   bool
	}{{"code", a.code}, {"http_status", a.status}, {"delay", a.delayed}} {
		if field.is {
			names = append(names, field.name)
		}
	}
	return names
}
