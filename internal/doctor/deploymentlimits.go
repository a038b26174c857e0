package doctor

import (
	"slices"
	"strings"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/emulator/deployfile"
)

// timersInVain refuses timers that do nothing: without a register there is nothing to sweep, a web
// function gets requests only (CloudBase has timers for event functions alone), and a timer whose
// last year is over never fires.
func timersInVain(f described) []Finding {
	if len(f.Timers) == 0 {
		return nil
	}
	var findings []Finding
	switch program := f.program(); {
	case f.HTTP:
		return []Finding{f.at("triggers").fault(
			bilingual.New("it has a timer, and a web function gets none", "设置了定时器，而 Web 函数没有定时触发"),
			bilingual.New("give the timer to an event function beside it (closeorder, queryorder)", "请把定时器设在事件函数上（closeorder、queryorder）"))}
	case program == "web" || program == notices:
		return []Finding{f.at("triggers").fault(
			bilingual.Sprintf("it has a timer, and %s takes requests only: every event of it fails", "设置了定时器，而 %s 只接受请求：每次触发都会失败", program),
			bilingual.New("give the timer to closeorder and queryorder", "请把定时器设在 closeorder 与 queryorder 上"))}
	case !f.has(nameStore):
		findings = append(findings, f.at("triggers").fault(
			bilingual.New("it has a timer and no "+nameStore+": every sweep would fail", "设置了定时器但没有 "+nameStore+"：每次扫描都会失败"),
			bilingual.Sprintf("%s, or remove the timer", "%s，或去掉定时器", f.change(nameStore))))
	}
	for _, timer := range f.Timers {
		if timer.Schedule != (deployfile.Timer{}).Schedule && timer.Schedule.Next(aDay).IsZero() {
			findings = append(findings, f.at("triggers").fault(
				bilingual.Sprintf("its timer %s never fires", "定时器 %s 永远不会触发", timer.Name),
				bilingual.New("write * for the year", "年份请写 *")))
		}
	}
	return findings
}

// aDay is a time from which schedules are looked at, the same on every machine and in every run: a
// finding must not depend on when it is looked for.
var aDay = time.Date(2026, time.December, 1, 0, 0, 0, 0, time.UTC)

// timerTokens refuses timers of a custom runtime whose message is not the token: the platform does
// not mark timers there, so that each would be refused. On Go1 the invocation's environment says
// that it is a timer's, and on Lambda only IAM's callers and EventBridge reach the function.
func timerTokens(f described) []Finding {
	if !f.isIn(deployfile.Tencent) || !strings.EqualFold(f.Runtime, "CustomRuntime") || f.HTTP {
		return nil
	}
	for _, timer := range f.Timers {
		switch {
		case !f.has(nameTimerToken):
			return []Finding{f.at("").fault(
				bilingual.New(
					"it has a timer and no "+nameTimerToken+": the custom runtime does not say that an event is a timer's, and it is refused",
					"设置了定时器但没有 "+nameTimerToken+"：自定义运行时不标明定时触发，事件会被拒绝"),
				bilingual.Sprintf("%s; and give the token as the timer's message", "%s；并把该令牌填为定时器的入参", f.change(nameTimerToken)))}
		case f.value(nameTimerToken) != "" && !f.isTimerToken(timer.Message):
			return []Finding{f.at("triggers").fault(
				bilingual.Sprintf("the message of its timer %s is not "+nameTimerToken+": every event is refused",
					"定时器 %s 的入参不是 "+nameTimerToken+"：每次触发都会被拒绝", timer.Name),
				bilingual.Sprintf("write argument: %s", "请写 argument: %s", placeholder(f, nameTimerToken)))}
		}
	}
	return nil
}

// isTimerToken reports whether a timer's message is the token, both tokens of a rotation, or one of
// the two.
func (f described) isTimerToken(message string) bool {
	tokens := f.value(nameTimerToken)
	return message == tokens || slices.Contains(strings.Fields(tokens), message)
}

// rareTimers warns of sweeps that are an hour or more apart: an order is closed only at the next
// one. Most are slips of a field, such as "0 5 * * * * *" for every five minutes, which is the
// fifth minute of each hour. SCF counts in UTC+8, AWS in UTC.
func rareTimers(f described) []Finding {
	if f.HTTP || f.isIn(deployfile.Container) {
		return nil
	}
	var findings []Finding
	for _, timer := range f.Timers {
		first := timer.Schedule.Next(aDay)
		gap := timer.Schedule.Next(first).Sub(first)
		if first.IsZero() || gap < time.Hour {
			continue
		}
		often := "0 * * * * * *"
		if f.isIn(deployfile.AWS) {
			often = "rate(1 minute)"
		}
		findings = append(findings, f.at("triggers").warning(
			bilingual.Sprintf("its timer %s lets %s pass between two sweeps, and due orders stay open until then",
				"定时器 %s 两次扫描相隔 %s，到期的订单要等到那时才关闭", timer.Name, gap),
			bilingual.Sprintf("write %s for every minute", "每分钟一次请写 %s", often)))
	}
	return findings
}

// nothingSweeps warns of a register in a file that has nothing by which due orders are closed: no
// timer, and no route for a scheduler of the operator's. It is no fault, because a container or
// another description may sweep the same register.
func nothingSweeps(_ Deployment, _ values, ours []described) []Finding {
	var kept *described
	for i, f := range ours {
		if f.has(nameStore) && f.program() != notices {
			kept = &ours[i]
		}
		if len(f.Timers) > 0 || slices.Contains(f.routes(), "sweep") || strings.Contains(f.Handler, "sweep") || f.Written.Opaque {
			return nil
		}
	}
	closes := func(f described) bool { return f.program() == "closeorder" || f.isIn(deployfile.Container) && f.HTTP }
	if kept == nil || !slices.ContainsFunc(ours, closes) {
		return nil
	}
	return []Finding{kept.at(nameStore).warning(
		bilingual.New("there is a register of orders, and no timer in the file: due orders are not closed unless something else sweeps",
			"有订单登记库，而文件中没有定时器：除非另有扫描，否则到期的订单不会被关闭"),
		bilingual.New("give closeorder a timer of every minute (docs/deploy.md)", "请为 closeorder 设置每分钟一次的定时器（docs/deploy.md）"))}
}

// The time limits. A notification is answered within 4.5 s of the function's own time
// (docs/paynotify.md); a user's look-up takes up to two seconds (docs/callers.md). AWS's API
// gateways wait for 29 s at most, and CloudBase's CLI documents 60 s as the most.
const (
	leastForNotices = 6 * time.Second
	leastForCalls   = 3 * time.Second
	mostAtGateway   = 29 * time.Second
	mostOnCloudBase = 60 * time.Second
)

// timeLimits refuses limits in which a call cannot end well, and warns of none, since the
// platforms' documents disagree on the default (3 s, 5 s), and of those beyond what a caller waits
// for. A close whose caller has gone is finished, but its answer is lost. A long limit is right for
// a sweep.
func timeLimits(f described) []Finding {
	least := leastForCalls
	if f.takesNotices() {
		least = leastForNotices
	}
	ten := bilingual.New(`write "timeout": 10 or more`, `请写 "timeout": 10 或更长`)
	isCloudBase := strings.HasSuffix(f.File, ".json")
	switch limit := f.TimeLimit; {
	case f.isIn(deployfile.Container):
		return nil
	case limit == 0 && f.Written.Lines["timeout"] != 0:
		return nil // a placeholder, or a fault already
	case limit == 0:
		return []Finding{f.at("").warning(
			bilingual.New("it has no time limit, and the platform's default is short", "没有设置超时时间，而平台默认值较短"), ten)}
	case limit < least:
		return []Finding{f.at("timeout").fault(
			bilingual.Sprintf("its time limit is %s, and %s are the least that it needs", "超时时间为 %s，至少需要 %s", limit, least), ten)}
	case isCloudBase && limit > mostOnCloudBase:
		return []Finding{f.at("timeout").warning(
			bilingual.Sprintf("its time limit is %s, and the CLI's page has 60s as the most", "超时时间为 %s，而 CLI 文档的上限为 60s", limit),
			bilingual.New(`write "timeout": 60 or less`, `请写 "timeout": 60 或更短`))}
	case f.isAtGateway() && limit > mostAtGateway:
		return []Finding{f.at("timeout").warning(
			bilingual.Sprintf("its time limit is %s, and its API gateway waits for 29s: callers get 503 for a close that goes on",
				"超时时间为 %s，而 API 网关只等待 29s：调用方得到 503，关单却仍在进行", limit),
			bilingual.New("write timeout: 28, or give the timer a function of its own", "请写 timeout: 28，或为定时器另设函数"))}
	}
	return nil
}

// isAtGateway reports whether an API gateway of AWS leads to the function. A function URL waits for
// as long as the function may take, and an event source answers no caller.
func (f described) isAtGateway() bool {
	return f.isIn(deployfile.AWS) && slices.ContainsFunc(f.Doors, func(door string) bool { return strings.HasPrefix(door, "http") })
}

// leastMemory is what a function needs: with 2,000 calls by 16 callers at once it has had 19 MiB
// (bench/README.md), and under attack 42 MB (docs/deploy.md), of which Go may use three quarters.
const leastMemory = 64

// memorySizes refuses sizes that the platforms do not take (SCF doc 583/11637; Lambda's documents),
// and too little.
func memorySizes(f described) []Finding {
	const step, mostSCF, leastLambda = 128, 3072, 128
	wanted := bilingual.New(`write "memorySize": 128`, `请写 "memorySize": 128`)
	if f.isIn(deployfile.Container) {
		wanted = bilingual.New("limit it to 128 MB or more", "请将上限设为 128 MB 或更多")
	}
	switch size := f.MemoryMB; {
	case size == 0:
		return nil
	case f.isIn(deployfile.Tencent) && size != leastMemory && (size%step != 0 || size > mostSCF):
		return []Finding{f.at("memorySize").fault(
			bilingual.Sprintf("its memory is %d MB, and the platform takes 64 or a multiple of 128 up to 3072",
				"内存为 %d MB，而平台只接受 64 或 128 的倍数，至多 3072", size), wanted)}
	case f.isIn(deployfile.AWS) && size < leastLambda:
		return []Finding{f.at("memorySize").fault(
			bilingual.Sprintf("its memory is %d MB, and Lambda takes 128 or more", "内存为 %d MB，而 Lambda 至少 128", size), wanted)}
	case size < leastMemory:
		return []Finding{f.at("memorySize").fault(
			bilingual.Sprintf("its memory is %d MB, and it needs 64", "内存为 %d MB，至少需要 64", size), wanted)}
	}
	return nil
}
