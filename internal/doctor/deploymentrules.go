package doctor

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/config"
	"cloudpay/internal/emulator/deployfile"
)

// Variables that the rules read.
const (
	nameBehindWXGateway = "CLOUDPAY_BEHIND_WX_GATEWAY"
	nameRoutes          = "CLOUDPAY_ROUTES"
	nameStore           = "CLOUDPAY_STORE"
)

// notices is the route that WeChat Pay calls from the web.
const notices = "paynotify"

// doorsBehindGateway refuses what makes CLOUDPAY_BEHIND_WX_GATEWAY=1 untrue: a public address that
// leads to the function, where any client can write the identity header. The function itself cannot
// see the addresses that lead to it.
func doorsBehindGateway(about Finding, f deployfile.Function) []Finding {
	if f.Env[nameBehindWXGateway] != "1" {
		return nil
	}
	twice := bilingual.New("deploy twice: this one without an address, another without the setting (docs/deploy.md)",
		"请部署两份：此函数不设公网入口，另一函数不设该变量（docs/deploy.md）")
	var findings []Finding
	for _, door := range f.Doors {
		findings = append(findings, about.fault(bilingual.Sprintf(
			nameBehindWXGateway+"=1 says that no public address leads here, and %q does: any client can forge X-WX-OPENID",
			nameBehindWXGateway+"=1 声明没有公网入口，而 %q 是公网入口：任何人都可伪造 X-WX-OPENID", door), twice))
	}
	return findings
}

// routesInVain refuses routes of functions/web with which it would not start: those that need a
// variable that the file does not give, and those that need a public address that may not be.
func routesInVain(about Finding, f deployfile.Function) []Finding {
	given := func(name string) []config.Secret {
		if f.Env[name] == "" && f.Env[name+config.FileSuffix] == "" {
			return nil
		}
		return []config.Secret{config.NewSecret("given")}
	}
	c := config.Config{
		BehindWXGateway: f.Env[nameBehindWXGateway] == "1",
		TimerTokens:     given("CLOUDPAY_TIMER_TOKEN"),
		MetricsTokens:   given("CLOUDPAY_METRICS_TOKEN"),
	}
	if store := given(nameStore); len(store) > 0 {
		c.Store = store[0]
	}
	faults := c.CheckRoutes(routesOf(f))
	findings := make([]Finding, 0, len(faults))
	for _, fault := range faults {
		findings = append(findings, about.fault(bilingual.Sprintf("%s %s", "%s %s", fault.Variable, fault.Problem), fault.Remedy))
	}
	return findings
}

// routesOf lists the routes of CLOUDPAY_ROUTES, as the function reads them.
func routesOf(f deployfile.Function) []string {
	var routes []string
	for name := range strings.SplitSeq(f.Env[nameRoutes], ",") {
		routes = append(routes, strings.TrimSpace(name))
	}
	return routes
}

// unknownVariables refuses names that look like cloudpay's and are in no table: the functions would
// start without what they stand for.
func unknownVariables(about Finding, f deployfile.Function) []Finding {
	var findings []Finding
	for _, name := range slices.Sorted(maps.Keys(f.Env)) {
		ours := strings.HasPrefix(name, "WXPAY_") || strings.HasPrefix(name, "CLOUDPAY_")
		if ours && !slices.Contains(config.Names(), strings.TrimSuffix(name, config.FileSuffix)) {
			findings = append(findings, about.fault(
				bilingual.Sprintf("%s is no variable that the functions read", "%s 不是云函数读取的环境变量", name),
				bilingual.New("take the name from the README's table, or leave it out", "请改用 README 表中的名称，或去掉该变量")))
		}
	}
	return findings
}

// secretVariable matches the variables whose values no file of a repository should hold.
var secretVariable = regexp.MustCompile(`KEY$|TOKEN$|^CLOUDPAY_STORE$`)

// secretsInFile refuses secrets that are written in the file instead of a placeholder. A file is
// committed, copied and shown.
func secretsInFile(about Finding, f deployfile.Function) []Finding {
	var findings []Finding
	for _, name := range slices.Sorted(maps.Keys(f.Env)) {
		value := f.Env[name]
		if secretVariable.MatchString(name) && value != "" && !strings.Contains(value, "{{") && !strings.Contains(value, "${") {
			findings = append(findings, about.fault(
				bilingual.Sprintf("%s is written in the file", "%s 的值直接写在文件中", name),
				bilingual.New("write a placeholder that takes it from the environment, such as "+placeholder(f, name),
					"请改为取自环境变量的占位符，如 "+placeholder(f, name))))
		}
	}
	return findings
}

// placeholder is how the file takes a variable from the environment.
func placeholder(f deployfile.Function, name string) string {
	if strings.HasSuffix(f.File, ".json") {
		return "{{env." + name + "}}"
	}
	return "${env:" + name + "}"
}

// maxVariables is the most bytes of all variables of a function, on SCF (doc 583/30228) and on
// Lambda ("configuration-envvars").
const maxVariables = 4 << 10

// variablesTooLong refuses variables that exceed the platform's bound already without what the
// placeholders stand for.
func variablesTooLong(about Finding, f deployfile.Function) []Finding {
	size := 0
	for name, value := range f.Env {
		size += len(name)
		if !strings.Contains(value, "{{") && !strings.Contains(value, "${") {
			size += len(value)
		}
	}
	if size <= maxVariables {
		return nil
	}
	return []Finding{about.fault(
		bilingual.Sprintf("the variables have %d bytes, more than the 4 KB that the platform takes", "环境变量共 %d 字节，超过平台的 4 KB 上限", size),
		bilingual.New("leave out what has a default, and give keys as base64 of their PEM text", "请去掉与默认值相同的变量，密钥用其 PEM 文本的 base64"))}
}

// timersInVain refuses timers that do nothing: without a register there is nothing to sweep, and a
// web function gets requests only.
func timersInVain(about Finding, f deployfile.Function) []Finding {
	switch {
	case len(f.Timers) == 0:
		return nil
	case f.HTTP:
		return []Finding{about.fault(
			bilingual.New("it has a timer, and a web function gets none", "设置了定时器，而 Web 函数没有定时触发"),
			bilingual.New("give the timer to an event function beside it (closeorder, queryorder)", "请把定时器设在事件函数上（closeorder、queryorder）"))}
	case f.Env[nameStore] == "" && f.Env[nameStore+config.FileSuffix] == "":
		return []Finding{about.fault(
			bilingual.New("it has a timer and no "+nameStore+": every sweep would fail", "设置了定时器但没有 "+nameStore+"：每次扫描都会失败"),
			bilingual.New("set it, or remove the timer", "请设置该变量，或去掉定时器"))}
	}
	return nil
}

// The least time limits. A notification is answered within 4.5 s of the function's own time
// (docs/paynotify.md); a user's look-up takes up to two seconds (docs/callers.md).
const (
	leastForNotices = 6 * time.Second
	leastForCalls   = 3 * time.Second
)

// timeLimits refuses limits in which a call cannot end well, and warns of none: the platforms'
// documents disagree on the default (3 s, 5 s).
func timeLimits(about Finding, f deployfile.Function) []Finding {
	least := leastForCalls
	if slices.Contains(routesOf(f), notices) || f.Name == notices {
		least = leastForNotices
	}
	switch limit := f.TimeLimit; {
	case limit == 0:
		return []Finding{about.warning(
			bilingual.New("it has no time limit, and the platform's default is short", "没有设置超时时间，而平台默认值较短"),
			bilingual.New("give 10 seconds or more", "请设为 10 秒或更长"))}
	case limit < least:
		return []Finding{about.fault(
			bilingual.Sprintf("its time limit is %s, and %s are the least that it needs", "超时时间为 %s，至少需要 %s", limit, least),
			bilingual.New("give 10 seconds or more", "请设为 10 秒或更长"))}
	}
	return nil
}
