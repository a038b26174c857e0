package doctor

import (
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/config"
	"cloudpay/internal/emulator/deployfile"
)

// Variables that the rules read.
const (
	nameBehindWXGateway  = "CLOUDPAY_BEHIND_WX_GATEWAY"
	nameCloudBaseContext = "CLOUDPAY_CLOUDBASE_CONTEXT"
	nameRoutes           = "CLOUDPAY_ROUTES"
	nameStore            = "CLOUDPAY_STORE"
)

// notices is the route that WeChat Pay calls from the web.
const notices = "paynotify"

// untrueGateway refuses what makes CLOUDPAY_BEHIND_WX_GATEWAY=1 untrue: a public address that leads
// to the function, where any client can write the identity header, and a type that WeChat's gateway
// does not call. The function itself cannot see the addresses that lead to it.
func untrueGateway(f described) []Finding {
	if f.value(nameBehindWXGateway) != "1" {
		return nil
	}
	twice := bilingual.New("deploy twice: this one without an address, another without the setting (docs/deploy.md)",
		"请部署两份：此函数不设公网入口，另一函数不设该变量（docs/deploy.md）")
	var findings []Finding
	for _, door := range f.Doors {
		findings = append(findings, f.at(nameBehindWXGateway).fault(bilingual.Sprintf(
			nameBehindWXGateway+"=1 says that no public address leads here, and %q does: any client can forge X-WX-OPENID",
			nameBehindWXGateway+"=1 声明没有公网入口，而 %q 是公网入口：任何人都可伪造 X-WX-OPENID", door), twice))
	}
	switch {
	case f.isIn(deployfile.AWS):
		findings = append(findings, f.at(nameBehindWXGateway).fault(
			bilingual.New(nameBehindWXGateway+"=1 is set on AWS, where WeChat's gateway calls no function: any client can forge X-WX-OPENID",
				"在 AWS 上设置了 "+nameBehindWXGateway+"=1，而微信网关不会调用那里的函数：任何人都可伪造 X-WX-OPENID"),
			bilingual.New("take this line out", "请去掉此行")))
	case f.isIn(deployfile.Tencent) && !f.HTTP && len(f.Doors) == 0:
		findings = append(findings, f.at(nameBehindWXGateway).fault(
			bilingual.New(nameBehindWXGateway+"=1 is set on an event function, which wx.cloud.callHTTPFunction does not call",
				"在事件函数上设置了 "+nameBehindWXGateway+"=1，而 wx.cloud.callHTTPFunction 不调用事件函数"),
			bilingual.New(`make it an HTTP function ("type": "HTTP"; the type of one that exists cannot be changed), or take this line out`,
				`请设为 HTTP 函数（"type": "HTTP"；已创建的函数不能更改类型），或去掉此行`)))
	}
	return findings
}

// untrueContext refuses CLOUDPAY_CLOUDBASE_CONTEXT=1 beside a public address without enableAuth,
// where any client can write the header x-cloudbase-context.
func untrueContext(f described) []Finding {
	if f.value(nameCloudBaseContext) != "1" {
		return nil
	}
	var findings []Finding
	for _, door := range f.Doors {
		if !slices.Contains(f.Written.Guarded, door) {
			findings = append(findings, f.at(nameCloudBaseContext).fault(bilingual.Sprintf(
				nameCloudBaseContext+"=1 says that every route has enableAuth, and %q has not: any client can forge x-cloudbase-context",
				nameCloudBaseContext+"=1 声明每条路由都开启 enableAuth，而 %q 没有：任何人都可伪造 x-cloudbase-context", door),
				bilingual.New(`write "enableAuth": true in the route, or set `+nameLoginEnv+" instead",
					`请在路由中写 "enableAuth": true，或改设 `+nameLoginEnv)))
		}
	}
	return findings
}

// guardedNotices refuses a platform's own authentication at an address that WeChat Pay calls: it
// sends no credentials of a platform's, and is answered with MISSING_CREDENTIALS or a login page
// (docs.cloudbase.net/service/authentication). It brings a notification 15 times, and gives up. A
// function with another address that is open is right.
func guardedNotices(f described) []Finding {
	if !f.takesNotices() || len(f.Written.Guarded) == 0 || len(f.Written.Guarded) < len(f.Doors) {
		return nil
	}
	return []Finding{f.at(nameRoutes).fault(
		bilingual.Sprintf("WeChat Pay calls it, and %q admits only callers with the platform's credentials: no notification arrives",
			"微信支付要调用它，而 %q 只放行携带平台凭证的调用方：通知无法到达", f.Written.Guarded[0]),
		bilingual.New("give notifications a route of their own, without enableAuth or an authorizer (docs/deploy.md)",
			"请为通知单独设一条不开启 enableAuth、没有 authorizer 的路由（docs/deploy.md）"))}
}

// routeForm is a path that CloudBase's access service takes for a route: segments of letters,
// digits and . _ -, at most 50 characters each, without a wildcard
// (docs.cloudbase.net/cli-v1/http-gateway).
var routeForm = regexp.MustCompile(`^(/|(/[A-Za-z0-9._-]{1,50})+)$`)

// refusedRoutes refuses paths that no route may have, and those that CloudBase keeps for itself:
// the deployment of the route fails, and nothing leads to the function.
func refusedRoutes(f described) []Finding {
	if !strings.HasSuffix(f.File, ".json") {
		return nil
	}
	var findings []Finding
	for _, door := range f.Doors {
		isReserved := strings.HasPrefix(door, "/__auth") || strings.HasPrefix(door, "/.well-known")
		if isPlaceholder(door) || routeForm.MatchString(door) && !isReserved {
			continue
		}
		findings = append(findings, f.at("path").fault(
			bilingual.Sprintf("its route %q is none that the access service takes", "其路由 %q 不被访问服务接受", door),
			bilingual.New(`write a path such as "/pay": no wildcard, and not below /__auth or /.well-known`,
				`请写如 "/pay" 的路径：不含通配符，且不在 /__auth 或 /.well-known 之下`)))
	}
	return findings
}

// refusedVariables refuses names that look like cloudpay's and are in no table: the functions would
// start without what they stand for. It refuses names that the platform keeps for itself, too.
// Names that are one slip away from a known one are faults of the configuration.
func refusedVariables(f described) []Finding {
	slips := map[string]bool{}
	for _, fault := range f.faults {
		slips[fault.Variable] = true
	}
	var findings []Finding
	for _, name := range f.variablesByLine() {
		known := slices.Contains(config.Names(), strings.TrimSuffix(name, config.FileSuffix))
		if ownVariable.FindString(name) == name && !known && !slips[name] {
			findings = append(findings, f.at(name).fault(
				bilingual.Sprintf("%s is no variable that the functions read", "%s 不是云函数读取的环境变量", name),
				bilingual.New("take the name from the README's table, or leave it out", "请改用 README 表中的名称，或去掉该变量")))
		}
		if err := deployfile.CheckVariable(name); err != nil && !f.isIn(deployfile.Container) {
			findings = append(findings, f.at(name).fault(bilingual.Wording(err),
				bilingual.New("give it another name, or leave it out", "请改名，或去掉该变量")))
		}
	}
	return findings
}

// secretVariable matches the variables whose values no file of a repository should hold.
var secretVariable = regexp.MustCompile(`(V2_KEY|V3_KEY|PRIVATE_KEY|NOTIFY_KEY|TOKEN|^CLOUDPAY_STORE)$`)

// secretsInFile refuses secrets that are written in the file instead of a placeholder. A file is
// committed, copied and shown. A database without a password and a path are none, and neither is
// WeChat Pay's public key.
func secretsInFile(f described) []Finding {
	var findings []Finding
	for _, name := range f.variablesByLine() {
		text := f.Written.Variables[name].Text
		isStore := name == nameStore && passwordOf(text) == ""
		if !secretVariable.MatchString(name) || text == "" || isPlaceholder(text) || pathForm.MatchString(text) || isStore {
			continue
		}
		remedy := bilingual.Sprintf("write a placeholder that takes it from the environment: %s", "请改为取自环境变量的占位符：%s", f.line(name))
		if f.isIn(deployfile.Container) {
			remedy = bilingual.Sprintf("take it from the file of a secret: %s", "请改为取自 secret 的文件：%s", f.line(name))
		}
		findings = append(findings, f.at(name).fault(
			bilingual.Sprintf("%s is written in the file", "%s 的值直接写在文件中", name),
			bilingual.Sprintf("%s; and change the secret, which others may have seen", "%s；并更换该密钥，他人可能已见过", remedy)))
	}
	return findings
}

// passwordOf is the password of a database's address; empty if it has none, as an address that
// takes the user from a client certificate, or a file of SQLite.
func passwordOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.User == nil {
		return ""
	}
	password, _ := u.User.Password()
	return password
}

// maxVariables is the most bytes of all variables of a function, on SCF (doc 583/30228) and on
// Lambda ("configuration-envvars").
const maxVariables = 4 << 10

// tooLong refuses variables that exceed the platform's bound, names and values together, as they
// are after the placeholders are filled in. Values that are not known count as nothing. The private
// key is the longest of any configuration: as base64 of PEM it has 2.3 KB.
func tooLong(f described) []Finding {
	size, longest := 0, ""
	for _, name := range f.variablesByLine() {
		size += len(name) + len(f.Env[name])
		if len(f.Env[name]) > len(f.Env[longest]) {
			longest = name
		}
	}
	if size <= maxVariables || f.isIn(deployfile.Container) {
		return nil
	}
	return []Finding{f.at(longest).fault(
		bilingual.Sprintf("the variables have %d bytes, more than the 4 KB that the platform takes; the longest is %s with %d",
			"环境变量共 %d 字节，超过平台的 4 KB 上限；最长的是 %s，%d 字节", size, longest, len(f.Env[longest])),
		bilingual.New("leave out what has a default, and give keys as base64 of their PEM text (base64 -w0 apiclient_key.pem)",
			"请去掉与默认值相同的变量，密钥用其 PEM 文本的 base64（base64 -w0 apiclient_key.pem）"))}
}

// localAddresses refuses addresses of the machine itself: beside a function in a cloud nothing
// listens there, and no platform reaches a function there (SCF answers 446). They are what remains
// of a trial on the emulator. The private link of WeChat cloud hosting is no address of a
// function's either: it exists in containers there only.
func localAddresses(f described) []Finding {
	if f.isIn(deployfile.Container) {
		return nil // a sidecar may listen
	}
	var findings []Finding
	for _, name := range []string{"WXPAY_BASE_URL", "WXPAY_BACKUP_URL", "CLOUDPAY_NOTIFY_URL", "CLOUDPAY_PAYNOTIFY_FORWARD_URL", nameStore} {
		if isLocal(hostOf(f.value(name))) {
			findings = append(findings, f.at(name).fault(
				bilingual.Sprintf("%s is an address of the function's own machine%s, where nothing listens in the cloud",
					"%s 是函数自身所在机器的地址%s，云上该处没有服务", name, f.whence(name)),
				bilingual.Sprintf("give the address by which the cloud reaches it; %s", "请填云上可达的地址；%s", f.change(name))))
		}
	}
	if f.HTTP && isLocal(f.value("CLOUDPAY_LISTEN_HOST")) {
		findings = append(findings, f.at("CLOUDPAY_LISTEN_HOST").fault(
			bilingual.New("CLOUDPAY_LISTEN_HOST keeps the platform from reaching the function's port", "CLOUDPAY_LISTEN_HOST 使平台无法访问函数的端口"),
			bilingual.New("take this line out", "请去掉此行")))
	}
	if f.value("WXPAY_API") == "wxcloudrun" {
		findings = append(findings, f.at("WXPAY_API").fault(
			bilingual.New("WXPAY_API is wxcloudrun, the private link that only containers of WeChat cloud hosting have",
				"WXPAY_API 为 wxcloudrun，而只有微信云托管的容器才有该内网链路"),
			bilingual.Sprintf("give v3 or v2, with the merchant's keys; %s", "请填 v3 或 v2，并提供商户密钥；%s", f.change("WXPAY_API"))))
	}
	return findings
}

// hostOf is the host of an address, without its port; empty if it has none, or if it is not an
// address, which is a fault of the configuration already.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// isLocal reports whether a host is the machine itself, by its number or by the one name that is
// reserved for it (RFC 6761).
func isLocal(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// privateStores refuses a database in a private network for a function that is in none. An address
// by name may lead anywhere, so that only numbers tell (RFC 1918).
func privateStores(f described) []Finding {
	addr, err := netip.ParseAddr(hostOf(f.value(nameStore)))
	if err != nil || !addr.IsPrivate() || f.Written.InVPC || f.isIn(deployfile.Container) {
		return nil
	}
	network := `"vpc": {"vpcId": "…", "subnetId": "…"}`
	switch {
	case f.isIn(deployfile.AWS):
		network = "vpc: {securityGroupIds: […], subnetIds: […]}"
	case !strings.HasSuffix(f.File, ".json"):
		network = "vpcConfig: {vpcId: …, subnetId: …}"
	}
	return []Finding{f.at(nameStore).fault(
		bilingual.Sprintf("the database has an address of a private network%s, and the function is in none: it cannot be reached",
			"数据库在私有网络中%s，而函数不在任何私有网络：无法访问", f.whence(nameStore)),
		bilingual.Sprintf("add to the function: %s, with a route to WeChat Pay", "在函数中加上：%s，并保证该网络能访问微信支付", network))}
}

// admits are the settings by which a caller over HTTP is admitted to orders, the one that most need
// first. A store alone admits no caller over HTTP: it says whose an order is, not who calls.
var admits = []string{nameHTTPToken, nameHTTPAuthorizer, nameServiceToken, nameLoginEnv, nameCloudBaseContext, nameBehindWXGateway}

// closedDoors refuses an address at which no caller is admitted (docs/callers.md). WeChat Pay, a
// timer with its token and a probe of the health are admitted otherwise, so that a function with
// their routes alone needs none of the settings.
func closedDoors(f described) []Finding {
	serves := f.routes() == nil && f.program() != notices
	for _, route := range f.routes() {
		serves = serves || route == "closeorder" || route == "queryorder" || route == "dropin"
	}
	isReached := len(f.Doors) > 0 || f.HTTP
	if !serves || !isReached || f.has(namePolicy) || slices.ContainsFunc(admits, f.has) {
		return nil
	}
	return []Finding{f.at("").fault(
		bilingual.New("it is called over HTTP, and no caller is admitted: every request is answered 401", "它经 HTTP 调用，却不放行任何调用方：每个请求都会得到 401"),
		bilingual.Sprintf("add to its variables what its callers have (docs/callers.md): %s, or another of %s",
			"请按调用方在其环境变量中加上（docs/callers.md）：%s，或以下之一：%s", f.line(nameHTTPToken), strings.Join(admits[1:], ", ")))}
}

// ignoredType refuses a member that no version of the CLI reads, in place of the one that makes an
// HTTP function. Pages about the CLI write it so; it deploys an event function without a word,
// whose type can never be changed.
func ignoredType(f described) []Finding {
	if _, written := f.Written.Lines["isHTTP"]; !written || f.HTTP {
		return nil
	}
	return []Finding{f.at("isHTTP").fault(
		bilingual.New("isHTTP is read by no tool: it is deployed as an event function", "没有工具读取 isHTTP：会部署成事件函数"),
		bilingual.New(`write "type": "HTTP" in its place`, `请改写为 "type": "HTTP"`))}
}

// batchesWithoutReports refuses queues of SQS that take a message as done although it failed: the
// function's answer names the failed ones, and counts only with that setting
// (docs.aws.amazon.com/lambda, "services-sqs-errorhandling").
func batchesWithoutReports(f described) []Finding {
	var findings []Finding
	for _, queue := range f.Written.Batches {
		if !queue.ReportsItems {
			findings = append(findings, f.at("events").fault(
				bilingual.New("its queue takes failed messages as done unless all of a batch failed: orders are not closed",
					"队列把失败的消息当作已完成（除非整批失败）：订单不会被关闭"),
				bilingual.New("write functionResponseType: ReportBatchItemFailures below sqs",
					"请在 sqs 下写 functionResponseType: ReportBatchItemFailures")))
		}
	}
	return findings
}

// appIDs warns of a register without an appid: an openid is a user's only below an appid, so that
// no order can be registered by it, and no user of a mini-program closes their own. Users of web
// pages and servers need none.
func appIDs(f described) []Finding {
	if !f.has(nameStore) || f.has(nameAppID) || f.has("WXPAY_SUB_APPID") || f.program() == notices || f.program() == "cloudpay" {
		return nil
	}
	if _, template := f.Written.Variables["appId"]; template {
		return nil
	}
	return []Finding{f.at("").warning(
		bilingual.New("it has "+nameStore+" and no "+nameAppID+": no order is registered by openid unless a sub_appid goes with it",
			"设置了 "+nameStore+" 而没有 "+nameAppID+"：不带 sub_appid 就不能按 openid 登记订单"),
		f.change(nameAppID))}
}

// environments warns of access tokens of another environment than the file deploys to, and refuses
// an environment's id without a value.
func environments(_ Deployment, given values, ours []described) []Finding {
	var findings []Finding
	for i, f := range ours {
		env := f.Written.EnvID
		if i == 0 && env.Unset != "" && given.given {
			findings = append(findings, deploymentCheck.about(f.File).fault(
				bilingual.Sprintf("line %d: envId takes %s from the environment, where it is not set",
					"第 %d 行：envId 取自环境变量 %s，而它未设置", env.Line, env.Unset),
				bilingual.Sprintf("set it, as a line %s=… of .env", "请设置它，如在 .env 中写 %s=…", env.Unset)))
		}
		login := f.Written.Variables[nameLoginEnv]
		if env.Text != "" && login.Text != "" && env.Text != login.Text && env.Known && login.Known && f.value(nameLoginEnv) != f.envID() {
			findings = append(findings, f.at(nameLoginEnv).warning(
				bilingual.New(nameLoginEnv+" is another environment than envId: the users of this one are refused",
					nameLoginEnv+" 与 envId 不是同一环境：本环境的用户会被拒绝"),
				f.change(nameLoginEnv)))
		}
	}
	return findings
}

// envID is the environment that the file is for, with its placeholder filled in. It is asked only
// where that has a value.
func (f described) envID() string {
	variable := taken.FindStringSubmatch(f.Written.EnvID.Text)
	if variable == nil {
		return f.Written.EnvID.Text
	}
	value, _ := f.values.lookup(variable[1])
	return value
}
