package console

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"cloudpay/internal/bilingual"
)

// Each action is one or several calls of a management API, which the page then shows as commands.
// It answers with the page as it is afterwards, read anew: with what was done, or with the API's
// own sentence and status 422. A call that fails ends an action; what it did before stays done, and
// is seen in the tables.

// faultsChanged answers the page after an action: with what it did, or why it failed.
func (c *Console) faultsChanged(w http.ResponseWriter, r *http.Request, page faultsView, what bilingual.Text, err error) {
	if page.Wrong = bilingual.Wording(err); err == nil {
		page.What = what
	}
	c.faultsPage(w, r, page)
}

// readFaultForm reads the fields beside the tables. They are shown again as they were typed.
func readFaultForm(r *http.Request) faultForm {
	get := func(name string) string { return strings.TrimSpace(r.PostFormValue(name)) }
	return faultForm{get("api"), get("order"), get("times"), get("probability"), get("seed"), get("code"), get("http_status"), get("delay")}
}

// often reads how often a fault is to happen. A field that is empty is 0: for ever, always, the
// gateway's seed.
func (f faultForm) often() (times int, probability float64, seed uint64, err error) {
	// Each field is read by itself, so that the sentence names the one that is wrong.
	if f.Times != "" {
		if times, err = strconv.Atoi(f.Times); err != nil || times < 0 {
			return 0, 0, 0, bilingual.Errorf("times: a whole number, or nothing for ever", "次数：须为整数，留空表示一直生效")
		}
	}
	if f.Probability != "" {
		// The management API takes 0 for always; in a form it would mean never.
		if probability, err = strconv.ParseFloat(f.Probability, 64); err != nil || !(probability > 0 && probability <= 1) {
			return 0, 0, 0, bilingual.Errorf("probability: above 0 and at most 1, such as 0.5", "概率：须大于 0 且不超过 1，如 0.5")
		}
	}
	if f.Seed != "" {
		if seed, err = strconv.ParseUint(f.Seed, 10, 64); err != nil {
			return 0, 0, 0, bilingual.Errorf("seed: a whole number that is not negative", "种子：须为非负整数")
		}
	}
	if probability == 1 {
		probability = 0 // always, which needs no draw
	}
	return times, probability, seed, nil
}

// switchFault switches one cell of the tables on, with what the fields say, or off: then every
// fault of its action and operation, or function, is removed. The form says which, so that a page
// that is out of date switches nothing the other way.
func (c *Console) switchFault(w http.ResponseWriter, r *http.Request) {
	page := faultsView{Form: readFaultForm(r)}
	const parts = 4
	press := strings.SplitN(r.PostFormValue("switch"), " ", parts)
	if len(press) < parts {
		c.faultsChanged(w, r, page, bilingual.Text{}, bilingual.Errorf("choose a fault in the table", "请在表中选择故障"))
		return
	}
	// The last part is an operation, or the name of a function, which may have anything in it.
	world, to, action, on := press[0], press[1], press[2], press[3]
	page.pressed = world + " " + action + " " + on
	name := bilingual.Same(strings.TrimSpace(action + " " + on))
	if to == "off" {
		err := c.switchOff(r.Context(), &page, world, action, on)
		c.faultsChanged(w, r, page, bilingual.Sprintf("Switched off: %s.", "已关闭：%s。", name), err)
		return
	}
	err := c.switchOn(r.Context(), &page, world, action, on)
	c.faultsChanged(w, r, page, bilingual.Sprintf("Switched on: %s.", "已开启：%s。", name), err)
}

// switchOn injects a fault of an action. Of the fields only those are sent that the action reads.
func (c *Console) switchOn(ctx context.Context, page *faultsView, world, action, on string) error {
	form := page.Form
	times, probability, seed, err := form.often()
	if err != nil {
		return err
	}
	// The cloud's faults have no protocol and no order, whatever these fields say.
	if world == inCloud {
		fault := cloudFault{Function: on, Action: action, Times: times, Probability: probability, Seed: seed}
		if fields, err := c.fieldsOf(ctx, c.api.cloud+"/v1/fault-actions", action, ""); err != nil {
			return err
		} else if fields["delay"] {
			fault.Delay = form.Delay
		}
		return page.do(ctx, c.api, posting(c.api.cloud+"/v1/faults", fault), nil)
	}
	fields, err := c.fieldsOf(ctx, c.api.admin+"/fault-actions", action, on)
	if err != nil {
		return err
	}
	// The API would refuse a field that the action does not read: a code with drop, for example.
	fault := gatewayFault{Action: action, Times: times, Probability: probability, Seed: seed}
	fault.Match.Op, fault.Match.API, fault.Match.Order = on, form.API, form.Order
	if fields["code"] {
		fault.Code = form.Code
	}
	if fields["delay"] {
		fault.Delay = form.Delay
	}
	if fields["http_status"] && form.HTTPStatus != "" {
		if fault.HTTPStatus, err = strconv.Atoi(form.HTTPStatus); err != nil {
			return bilingual.Errorf("HTTP status: a number, such as 503", "HTTP 状态码：须为数字，如 503")
		}
	}
	return page.do(ctx, c.api, posting(c.api.admin+"/faults", fault), nil)
}

// fieldsOf are the fields that an action reads for an operation, by the list of the management API.
func (c *Console) fieldsOf(ctx context.Context, address, action, op string) (map[string]bool, error) {
	var actions []faultAction
	if _, err := c.api.get(ctx, address, &actions); err != nil {
		return nil, err
	}
	fields := map[string]bool{}
	for _, one := range actions {
		// An action of requests and of notifications has two rows, with fields of their own.
		if one.Action != action || !strings.Contains(" "+strings.Join(one.Ops, " ")+" ", " "+op+" ") && op != "" {
			continue
		}
		for _, field := range one.Fields {
			fields[field] = true
		}
	}
	return fields, nil
}

// switchOff removes every fault of an action for an operation or a function, whatever else it says.
func (c *Console) switchOff(ctx context.Context, page *faultsView, world, action, on string) error {
	address := c.faultsOf(world)
	var faults []gatewayFault
	var functions []cloudFault
	into := any(&faults)
	if world == inCloud {
		into = &functions
	}
	if _, err := c.api.get(ctx, address, into); err != nil {
		return err
	}
	// An operation of close or query is also met by a fault that names neither.
	var ids []int64
	for _, f := range faults {
		both := f.Match.Op == "" && (on == "close" || on == "query")
		if f.Action == action && (f.Match.Op == on || both) {
			ids = append(ids, f.ID)
		}
	}
	for _, f := range functions {
		if f.Action == action && f.Function == on {
			ids = append(ids, f.ID)
		}
	}
	// One that was used up meanwhile is a refusal, after which the page shows what is left.
	for _, id := range ids {
		if err := page.do(ctx, c.api, removing(address+"/"+strconv.FormatInt(id, 10)), nil); err != nil {
			return err
		}
	}
	return nil
}

// faultsOf is where the faults of a world are. Any other word than the cloud's is WeChat Pay's, so
// that a form of a stranger reaches no other address.
func (c *Console) faultsOf(world string) string {
	if world == inCloud {
		return c.api.cloud + "/v1/faults"
	}
	return c.api.admin + "/faults"
}

// removeFault removes one fault of the list.
func (c *Console) removeFault(w http.ResponseWriter, r *http.Request) {
	page := faultsView{Form: readFaultForm(r)}
	world, number, _ := strings.Cut(r.PostFormValue("fault"), " ")
	// The number is checked here, since it becomes a part of an address.
	id, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		c.showMissing(w, r)
		return
	}
	err = page.do(r.Context(), c.api, removing(c.faultsOf(world)+"/"+strconv.FormatInt(id, 10)), nil)
	c.faultsChanged(w, r, page, bilingual.New("The fault is removed.", "已移除该故障。"), err)
}

// clearFaults removes every fault of both worlds and of the event sink. Domains and shares stay.
func (c *Console) clearFaults(w http.ResponseWriter, r *http.Request) {
	// The form has no fields, so that those beside the tables begin anew, too.
	page := faultsView{}
	addresses := []string{c.faultsOf(inWeChatPay), c.faultsOf(inCloud)}
	if c.api.events != "" {
		addresses = append(addresses, c.sinkFaults())
	}
	var err error
	for _, address := range addresses {
		if err == nil {
			err = page.do(r.Context(), c.api, removing(address), nil)
		}
	}
	c.faultsChanged(w, r, page, bilingual.New("All faults are removed.", "已移除全部故障。"), err)
}

// setDomain takes a domain down, or up again.
func (c *Console) setDomain(w http.ResponseWriter, r *http.Request) {
	// A form has one button, and so names one domain; the other one stays as it is.
	page, domains := faultsView{}, map[string]string{}
	for _, domain := range []string{"main", "backup"} {
		if state := r.PostFormValue(domain); state != "" {
			domains[domain] = state
		}
	}
	err := page.do(r.Context(), c.api, posting(c.api.admin+"/domains", domains), nil)
	c.faultsChanged(w, r, page, bilingual.New("The domain is set.", "域名状态已设置。"), err)
}

// setSigning sets the shares of replies that are signed otherwise than asked.
func (c *Console) setSigning(w http.ResponseWriter, r *http.Request) {
	var page faultsView
	// An empty share is 0; one that is no number is refused before anything is called.
	shares := signing{NotifyByCertificate: r.PostFormValue("notify_by_certificate") != ""}
	var err error
	// The range from 0 to 1 is the management API's to check.
	for name, into := range map[string]*float64{
		"certificate_share": &shares.CertificateShare, "public_key_share": &shares.PublicKeyShare, "probe_share": &shares.ProbeShare,
	} {
		text := strings.TrimSpace(r.PostFormValue(name))
		if share, wrong := strconv.ParseFloat(text, 64); wrong == nil {
			*into = share
		} else if text != "" {
			err = bilingual.Errorf("%s: must be from 0 to 1", "%s：须为 0 到 1", name)
		}
	}
	if err == nil {
		err = page.do(r.Context(), c.api, posting(c.api.admin+"/signing", shares), nil)
	}
	c.faultsChanged(w, r, page, bilingual.New("The shares are set.", "签名比例已设置。"), err)
}
