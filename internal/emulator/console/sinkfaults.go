package console

import (
	"net/http"
	"strconv"
	"strings"

	"cloudpay/internal/bilingual"
)

// The faults of the event sink are on two pages: Faults, beside those of the worlds, and Events,
// beside what the sink received. Each answers its own form.

// sinkName is the event sink on the pages, and in English in /deliveries.
var sinkName = bilingual.New("event sink", "事件接收器")

// sinkFault is a fault of the event sink: the status that it answers to what is genuine.
type sinkFault struct {
	// Status is a status that acknowledges nothing, such as 503.
	Status int `json:"status"`
	// Times is how often it will still be answered; 0: until it is removed.
	Times int `json:"times,omitempty"`
}

// readSinkFault reads a form. Without times the sink refuses until the fault is removed.
func readSinkFault(r *http.Request) (fault sinkFault, err error) {
	number := func(name string) int {
		text := strings.TrimSpace(r.PostFormValue(name))
		if text == "" && name == "times" {
			return 0
		}
		value, wrong := strconv.Atoi(text)
		if wrong != nil {
			err = bilingual.Errorf("status and times: whole numbers, such as 503 and 2", "状态码与次数：须为整数，如 503 与 2")
		}
		return value
	}
	fault = sinkFault{number("status"), number("times")}
	return fault, err
}

// failSink has the event sink refuse what is genuine: the functions then keep the event, and
// deliver it again by the schedule of docs/events.md.
func (c *Console) failSink(w http.ResponseWriter, r *http.Request) {
	fault, err := readSinkFault(r)
	did := done{Wrong: bilingual.Wording(err)}
	if err == nil && did.do(r.Context(), c.api, posting(c.sinkFaults(), fault), nil) == nil {
		did.What = bilingual.Sprintf("The event sink answers %d from now on.", "事件接收器从现在起应答 %d。", fault.Status)
	}
	c.sinkChanged(w, r, did)
}

// mendSink removes the faults of the event sink.
func (c *Console) mendSink(w http.ResponseWriter, r *http.Request) {
	var did done
	if did.do(r.Context(), c.api, removing(c.sinkFaults()), nil) == nil {
		did.What = bilingual.New("The event sink takes deliveries again.", "事件接收器已恢复接收。")
	}
	c.sinkChanged(w, r, did)
}

// sinkFaults is the address of the faults.
func (c *Console) sinkFaults() string { return c.api.events + "/faults" }

// sinkChanged answers the page that the form is on.
func (c *Console) sinkChanged(w http.ResponseWriter, r *http.Request, did done) {
	if strings.HasPrefix(r.URL.Path, "/faults/") {
		c.faultsPage(w, r, faultsView{done: did})
		return
	}
	c.eventsPage(w, r, did.status(), did)
}
