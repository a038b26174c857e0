package doctor_test

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"cloudpay/internal/doctor"
)

// goodSeed is the seed of the generated deployments; another one makes others.
const goodSeed = 20261130

// TestGeneratedGoodDeployments has no fault and no warning in 1,000 deployments that a generator
// makes by the documents alone: the README's table, docs/deploy.md, docs/callers.md, docs/web.md,
// docs/databases.md and those of the clouds. It shares nothing with the rules.
func TestGeneratedGoodDeployments(t *testing.T) {
	t.Parallel()
	const groups, each = 20, 50
	for group := range groups {
		t.Run(strconv.Itoa(group), func(t *testing.T) {
			t.Parallel()
			for i := range each {
				number := group*each + i
				f := generate(t, uint64(number))
				list := f.examined()
				if bad := list.bad(); len(bad) > 0 || !slices.ContainsFunc(list, func(f doctor.Finding) bool { return f.Level == doctor.LevelFine }) {
					t.Fatalf("deployment %d: got\n%s\n%s\n--- values\n%s", number, list.text(), f.files[f.main], strings.Join(slices.Sorted(maps.Keys(f.values)), " "))
				}
			}
		})
	}
}

// TestGeneratedDeploymentsDiffer holds the generator to its range: each of these occurs in many of
// its deployments.
func TestGeneratedDeploymentsDiffer(t *testing.T) {
	t.Parallel()
	counts := map[string]int{
		"cloudbaserc": 0, "provider:\n  name: tencent": 0, "component: scf": 0, "name: aws": 0, "services:": 0, "kind: CronJob": 0,
		"CustomRuntime": 0, "\"vpc\"": 0, "vpcConfig": 0, "securityGroupIds": 0, "enableAuth": 0, "\"path\": \"/closeorder\"": 0,
		"paynotify": 0, "sweep": 0, "metrics": 0, "CLOUDPAY_BEHIND_WX_GATEWAY": 0, "CLOUDPAY_LOGIN_ENV": 0, "WXPAY_SUB_MCHIDS": 0,
		"WXPAY_SUB_APPID": 0, "WXPAY_V2_KEY": 0, "WXPAY_PUBLIC_KEY_ID": 0, "PRIVATE_KEY_FILE": 0, "CLOUDPAY_STORE": 0, "CLOUDPAY_NOTIFY_URL": 0,
		"sqs": 0, "rate(": 0, "cron(": 0, "global": 0, "envFrom": 0, "<<: *environment": 0,
	}
	for number := range uint64(400) {
		f := generate(t, number)
		text := f.main + "\n" + f.files[f.main] + "\n" + f.env()
		for feature := range counts {
			if strings.Contains(text, feature) {
				counts[feature]++
			}
		}
	}
	for feature, count := range counts {
		if count < 5 || count == 400 {
			t.Errorf("%q: got it in %d of 400, want it in some and not in all", feature, count)
		}
	}
}

// maker makes one deployment. Its choices are those of one seed.
type maker struct {
	*rand.Rand

	t      *testing.T
	values map[string]string
	// shared are the variables of every function, as name and text.
	shared map[string]string
	// hasStore, isV3 and inVPC are choices that others depend on.
	hasStore, isV3, inVPC bool
	// style is a placeholder's form, with %s for the variable.
	style string
}

// generate makes a good deployment.
func generate(t *testing.T, number uint64) *folder {
	t.Helper()
	m := &maker{Rand: rand.New(rand.NewPCG(goodSeed, number)), t: t, values: map[string]string{}, shared: map[string]string{}}
	f := &folder{t: t, files: map[string]string{}, modes: map[string]os.FileMode{}}
	kinds := []func(*maker, *folder){(*maker).cloudBase, (*maker).cloudBase, (*maker).tencent, (*maker).component, (*maker).aws, (*maker).compose, (*maker).kubernetes}
	kinds[m.IntN(len(kinds))](m, f)
	f.values = m.values
	return f
}

// chance is true in so many of a hundred cases.
func (m *maker) chance(percent int) bool { return m.IntN(100) < percent }

// pick is one of several texts.
func (m *maker) pick(texts ...string) string { return texts[m.IntN(len(texts))] }

// letters are n characters of an alphabet.
func (m *maker) letters(n int, alphabet string) string {
	text := make([]byte, n)
	for i := range text {
		text[i] = alphabet[m.IntN(len(alphabet))]
	}
	return string(text)
}

const (
	digits       = "0123456789"
	hexDigits    = digits + "ABCDEF"
	alphanumeric = digits + "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

// give gives a variable a value, by a placeholder or, where it is no secret, in the file.
func (m *maker) give(vars map[string]string, name, value string) {
	if m.chance(40) && !strings.HasSuffix(name, "KEY") && !strings.HasSuffix(name, "TOKEN") && name != "CLOUDPAY_STORE" {
		vars[name] = value
		return
	}
	m.take(vars, name, value)
}

// take gives a variable a value by a placeholder.
func (m *maker) take(vars map[string]string, name, value string) {
	m.values[name] = quotedValue(value)
	vars[name] = fmt.Sprintf(m.style, name)
}

// quotedValue is a value as a .env has it.
func quotedValue(value string) string {
	if strings.ContainsAny(value, "\n #\\=\"") {
		return "'" + value + "'"
	}
	return value
}

// token is a token, or two while it is rotated.
func (m *maker) token() string {
	if m.chance(10) {
		return m.letters(32, alphanumeric) + " " + m.letters(40, alphanumeric)
	}
	return m.letters(16+m.IntN(40), alphanumeric)
}

// merchant chooses the merchant: region, mode, numbers and keys.
func (m *maker) merchant() {
	region := m.pick("cn", "cn", "cn", "global", "hk")
	if region != "cn" || m.chance(30) {
		m.give(m.shared, "WXPAY_REGION", region)
	}
	m.give(m.shared, "WXPAY_MCHID", m.letters(8+m.IntN(3), digits[1:]))
	m.partner()
	api := m.pick("v3", "v3", "v3", "v2")
	if api != "v3" || m.chance(70) {
		m.give(m.shared, "WXPAY_API", api)
	}
	m.isV3 = api == "v3" || m.chance(30)
	if m.isV3 {
		m.v3()
	}
	if api == "v2" || m.chance(20) {
		m.give(m.shared, "WXPAY_V2_KEY", m.letters(32, alphanumeric))
		m.optional(m.shared, 30, "WXPAY_V2_SIGN_TYPE", "MD5", "HMAC-SHA256")
	}
}

// partner chooses a service provider's numbers, or none.
func (m *maker) partner() {
	sub := m.letters(10, digits[1:])
	switch m.IntN(5) {
	case 0:
		m.give(m.shared, "WXPAY_SUB_MCHID", sub)
		m.optional(m.shared, 50, "WXPAY_SUB_APPID", "wx"+m.letters(16, "0123456789abcdef"))
	case 1:
		m.give(m.shared, "WXPAY_MODE", "partner")
		m.give(m.shared, "WXPAY_SUB_MCHIDS", sub+","+m.letters(9, digits[1:]))
	case 2:
		m.give(m.shared, "WXPAY_SUB_MCHID", sub)
		m.give(m.shared, "WXPAY_SUB_MCHIDS", m.letters(9, digits[1:])+","+sub)
	default:
		m.optional(m.shared, 20, "WXPAY_MODE", "direct")
	}
	m.give(m.shared, "WXPAY_APPID", "wx"+m.letters(16, "0123456789abcdef"))
}

// v3 chooses APIv3's keys: the public key, platform certificates, or both.
func (m *maker) v3() {
	keys := keyPair()
	serial := m.letters(40, hexDigits)
	if m.chance(20) {
		serial = strings.ToLower(serial)
	}
	m.give(m.shared, "WXPAY_SERIAL_NO", serial)
	private := privatePEM(m.t, keys[0])
	if m.chance(30) {
		private = string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(keys[0])}))
	}
	if m.chance(5) {
		m.shared["WXPAY_PRIVATE_KEY_FILE"] = "/mnt/keys/apiclient_key.pem"
	} else {
		m.take(m.shared, "WXPAY_PRIVATE_KEY", m.spelt(private))
	}
	form := m.IntN(3)
	if form != 1 {
		m.give(m.shared, "WXPAY_PUBLIC_KEY_ID", "PUB_KEY_ID_0"+m.letters(30, digits))
		m.take(m.shared, "WXPAY_PUBLIC_KEY", m.spelt(publicPEM(m.t, keys[1])))
	}
	if form != 0 {
		m.give(m.shared, "WXPAY_V3_KEY", m.letters(32, alphanumeric))
	}
}

// spelt is a PEM text in one of the forms that docs/deploy.md allows.
func (m *maker) spelt(text string) string {
	switch m.IntN(4) {
	case 0:
		return text
	case 1:
		return strings.ReplaceAll(strings.TrimSpace(text), "\n", `\n`)
	case 2:
		return strings.ReplaceAll(strings.TrimSpace(text), "\n", " ")
	default:
		return encoded(text)
	}
}

// optional gives a variable one of several values, in so many of a hundred cases.
func (m *maker) optional(vars map[string]string, percent int, name string, values ...string) {
	if m.chance(percent) {
		m.give(vars, name, m.pick(values...))
	}
}

// register chooses a database, or none, and what belongs to one.
func (m *maker) register() {
	if m.hasStore = m.chance(75); !m.hasStore {
		return
	}
	host := m.pick("db.example", "db-1.shop.example", "10.1.2.3", "192.168.4.5")
	m.inVPC = host[0] == '1' || m.chance(20)
	user := "cloudpay:" + m.letters(20, alphanumeric) + "@" + host
	m.give(m.shared, "CLOUDPAY_STORE", m.pick("mysql://"+user+":3306/cloudpay?tls=true", "mariadb://"+user+"/orders?tls=true",
		"postgres://"+user+":5432/cloudpay?sslmode=verify-full", "postgresql://"+user+"/cloudpay?sslmode=verify-full"))
	if m.chance(40) {
		m.give(m.shared, "CLOUDPAY_NOTIFY_URL", "https://shop.example/events/"+m.letters(8, alphanumeric))
		m.give(m.shared, "CLOUDPAY_NOTIFY_KEY", m.pick("whsec_"+encoded(m.letters(24, alphanumeric)), m.letters(32, alphanumeric)))
		m.optional(m.shared, 20, "CLOUDPAY_NOTIFY_CONCURRENCY", "1", "64")
	}
	m.optional(m.shared, 20, "CLOUDPAY_PRUNE_AFTER", "30d", "90d", "400d")
	m.optional(m.shared, 20, "CLOUDPAY_SWEEP_FIRST", "query", "close")
	m.optional(m.shared, 20, "CLOUDPAY_SWEEP_CONCURRENCY", "8", "32")
	m.optional(m.shared, 20, "CLOUDPAY_SWEEP_PER_SECOND", "0.5", "300")
	m.optional(m.shared, 20, "CLOUDPAY_SWEEP_ATTEMPTS", "12", "24")
}

// rest chooses what any function may have.
func (m *maker) rest() {
	m.give(m.shared, "CLOUDPAY_SERVICE_TOKEN", m.token())
	m.optional(m.shared, 30, "CLOUDPAY_METRICS", "emf")
	m.optional(m.shared, 30, "CLOUDPAY_LOG_LEVEL", "debug", "info", "warn")
	m.optional(m.shared, 15, "WXPAY_CONFIRM_CLOSE", "0", "1")
	m.optional(m.shared, 15, "WXPAY_ROUTE", "own", "foreign")
	m.optional(m.shared, 15, "CLOUDPAY_CORS_ORIGINS", "https://shop.example", "https://a.example,https://b.example:8443", "*")
	m.optional(m.shared, 10, "CLOUDPAY_CALLER_POLICY", "platform")
	m.optional(m.shared, 10, "WXPAY_APPIDS", "wx1234567890abcdef,wx0987654321fedcba")
}

// choose makes all the choices that do not depend on the description.
func (m *maker) choose(style string) {
	m.style = style
	m.merchant()
	m.register()
	m.rest()
	m.fit()
}

// fit keeps a function's variables below the clouds' 4 KB, with room for those of its own.
func (m *maker) fit() {
	size := 0
	for name, text := range m.shared {
		size += len(name) + len(text) + len(m.values[name])
	}
	if size < 3600 {
		return
	}
	for _, name := range []string{"WXPAY_PRIVATE_KEY", "WXPAY_PUBLIC_KEY"} {
		if m.values[name] != "" {
			text := privatePEM(m.t, keyPair()[0])
			if name == "WXPAY_PUBLIC_KEY" {
				text = publicPEM(m.t, keyPair()[1])
			}
			m.values[name] = quotedValue(strings.ReplaceAll(strings.TrimSpace(text), "\n", " "))
		}
	}
}

// forNotices is the APIv3 key, which notifications need.
func (m *maker) forNotices(vars map[string]string) {
	if _, has := m.shared["WXPAY_V3_KEY"]; m.isV3 && !has {
		m.give(vars, "WXPAY_V3_KEY", m.letters(32, alphanumeric))
	}
}

// with is the shared variables and further ones.
func (m *maker) with(own map[string]string) map[string]string {
	all := maps.Clone(m.shared)
	maps.Copy(all, own)
	return all
}

// scfTimer is an expression of at least four times an hour.
func (m *maker) scfTimer() string {
	return m.pick("0 * * * * * *", "30 */5 * * * * *", "0 0,15,30,45 * * * * *", "0 0-59/2 * * * * *", "*/5 * * * *", "10 */10 * * * SUN-SAT *")
}

// cloudBase makes a cloudbaserc.json: the two event functions, and web once or twice.
func (m *maker) cloudBase(f *folder) {
	m.choose("{{env.%s}}")
	f.main = "cloudbaserc.json"
	m.values["ENV_ID"] = "shop-" + m.letters(6, "0123456789abcdef")
	var functions []map[string]any
	add := func(name string, members map[string]any, own map[string]string) {
		members["name"], members["runtime"], members["envVariables"] = name, "Go1", m.with(own)
		members["memorySize"] = []int{64, 128, 256, 512, 1024}[m.IntN(5)]
		if m.inVPC {
			members["vpc"] = map[string]string{"vpcId": "vpc-1", "subnetId": "subnet-1"}
		}
		functions = append(functions, members)
	}
	for _, name := range []string{"closeorder", "queryorder"} {
		members := map[string]any{"handler": "main", "timeout": 6 + m.IntN(55), "installDependency": false}
		if m.hasStore {
			members["triggers"] = []map[string]string{{"name": name + "_timer", "type": "timer", "config": m.scfTimer()}}
		}
		own := map[string]string{}
		if m.chance(20) {
			members["path"] = "/" + name
			m.give(own, "CLOUDPAY_HTTP_TOKEN", m.token())
		}
		add(name, members, own)
	}
	document := map[string]any{"version": "2.1", "envId": "{{env.ENV_ID}}", "functionRoot": m.pick("./dist", "dist", "functions"), "functions": nil}
	if m.chance(60) {
		m.webBehind(add)
	}
	if m.chance(60) {
		document["gateway"] = m.webPublic(add)
	}
	m.Shuffle(len(functions), func(i, j int) { functions[i], functions[j] = functions[j], functions[i] })
	document["functions"] = functions
	text, _ := json.MarshalIndent(document, "", strings.Repeat(" ", 1+m.IntN(4))) // it is made of texts and numbers
	f.files[f.main] = string(text)
	if m.chance(20) {
		f.built(document["functionRoot"].(string), functions)
	}
}

// built puts the functions' code where the description has it.
func (f *folder) built(root string, functions []map[string]any) {
	for _, function := range functions {
		dir := filepath.Join(root, function["name"].(string))
		f.executable(filepath.Join(dir, "main"), binaryOf(0x3e))
		if function["type"] == "HTTP" {
			f.executable(filepath.Join(dir, "scf_bootstrap"), "#!/bin/bash\nexport PORT=9000\nexec ./main\n")
		}
	}
}

// webBehind adds an HTTP function that only WeChat's gateway calls.
func (m *maker) webBehind(add func(string, map[string]any, map[string]string)) {
	own := map[string]string{
		"CLOUDPAY_BEHIND_WX_GATEWAY": "1",
		"CLOUDPAY_ROUTES":            m.pick("closeorder,queryorder,dropin,healthz", "queryorder", "dropin, healthz", "closeorder,queryorder"),
	}
	if m.chance(50) {
		own["CLOUDPAY_LOGIN_ENV"] = "{{env.ENV_ID}}"
	}
	if m.chance(20) {
		own["CLOUDPAY_WX_HOSTS"] = "pay.internal.example"
	}
	add("cloudpay", map[string]any{"type": "HTTP", "timeout": 3 + m.IntN(58), "handler": "main"}, own)
}

// webPublic adds an HTTP function for WeChat Pay, and returns the gateway's routes.
func (m *maker) webPublic(add func(string, map[string]any, map[string]string)) map[string]any {
	own, routes := map[string]string{}, []string{"paynotify"}
	m.forNotices(own)
	if m.hasStore && m.chance(50) {
		routes = append(routes, "sweep")
		m.give(own, "CLOUDPAY_TIMER_TOKEN", m.token())
	}
	if m.hasStore && m.chance(30) {
		routes = append(routes, "metrics")
		m.give(own, "CLOUDPAY_METRICS_TOKEN", m.token())
	}
	if m.chance(70) {
		routes = append(routes, "healthz")
	}
	m.optional(own, 20, "CLOUDPAY_PAYNOTIFY_FORWARD_URL", "https://shop.example/wechatpay")
	own["CLOUDPAY_ROUTES"] = strings.Join(routes, m.pick(",", ", "))
	members := map[string]any{"type": "HTTP", "timeout": 6 + m.IntN(55), "handler": "main"}
	gateway := map[string]any{}
	switch m.IntN(3) {
	case 0:
		members["path"] = "/pay"
	case 1:
		gateway["routes"] = []map[string]any{{"path": "/pay", "upstream": map[string]string{"type": "WEB_SCF", "name": "cloudpay-public"}, "enableAuth": false}}
	}
	add("cloudpay-public", members, own)
	return gateway
}

// yamlMap is a mapping in YAML, of texts in quotes, at an indentation.
func yamlMap(vars map[string]string, indent int) string {
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		fmt.Fprintf(&text, "%s%s: '%s'\n", strings.Repeat(" ", indent), name, strings.ReplaceAll(vars[name], "'", "''"))
	}
	return text.String()
}

// tencent makes a serverless.yml for the plugin.
func (m *maker) tencent(f *folder) {
	m.choose("${env:%s}")
	f.main = "serverless.yml"
	runtime := m.pick("Go1", "Go1", "CustomRuntime")
	if runtime == "CustomRuntime" || m.chance(20) {
		m.give(m.shared, "CLOUDPAY_TIMER_TOKEN", m.letters(32, alphanumeric))
	}
	var text strings.Builder
	fmt.Fprintf(&text, "# A comment: WXPAY_V9_KEY\nservice: shop\nprovider:\n  name: tencent\n  runtime: %s\n  region: ap-guangzhou\n  memorySize: %s\n  timeout: %d\n",
		runtime, m.pick("64", "128", "256"), 6+m.IntN(200))
	if m.inVPC {
		text.WriteString("  vpcConfig: {vpcId: vpc-1, subnetId: subnet-1}\n")
	}
	text.WriteString("  environment:\n    variables:\n" + yamlMap(m.shared, 6) + "plugins: [serverless-tencent-scf]\npackage: {artifact: dist/scf.zip}\nfunctions:\n")
	for _, name := range []string{"closeorder", "queryorder"} {
		fmt.Fprintf(&text, "  %s:\n    handler: %s\n", name, name)
		if m.hasStore {
			fmt.Fprintf(&text, "    events:\n      - timer: {name: %s_timer, parameters: {cronExpression: '%s', enable: %s", name, m.scfTimer(), m.pick("true", "true"))
			if runtime == "CustomRuntime" {
				text.WriteString(", argument: '${env:CLOUDPAY_TIMER_TOKEN}'")
			}
			text.WriteString("}}\n")
		}
	}
	f.files[f.main] = text.String()
}

// component makes a serverless.yml of one function as a component.
func (m *maker) component(f *folder) {
	m.choose("${env:%s}")
	f.main = "serverless.yml"
	var text strings.Builder
	fmt.Fprintf(&text, "component: scf\nname: closeorder\ninputs:\n  name: %s\n  src: ./dist/closeorder\n  handler: main\n  runtime: Go1\n  timeout: %d\n  memorySize: %s\n",
		m.pick("closeorder", "shop-close"), 6+m.IntN(50), m.pick("128", "256"))
	if m.inVPC {
		text.WriteString("  vpcConfig: {vpcId: vpc-1, subnetId: subnet-1}\n")
	}
	text.WriteString("  environment:\n    variables:\n" + yamlMap(m.shared, 6))
	if m.hasStore {
		fmt.Fprintf(&text, "  events:\n    - timer: {parameters: {name: sweep, cronExpression: '%s', enable: true}}\n", m.scfTimer())
	}
	f.files[f.main] = text.String()
}

// aws makes a serverless.aws.yml.
func (m *maker) aws(f *folder) {
	m.choose("${env:%s}")
	f.main = m.pick("serverless.aws.yml", "serverless.yml")
	m.give(m.shared, "CLOUDPAY_HTTP_TOKEN", m.token())
	if m.chance(20) {
		m.shared["CLOUDPAY_HTTP_AUTHORIZER"] = "cognito:groups=operators"
	}
	if m.chance(15) { // known in the cloud only
		m.shared["CLOUDPAY_METRICS_TOKEN"] = "${ssm:/shop/metrics}"
	}
	var text strings.Builder
	fmt.Fprintf(&text, "service: shop\nprovider:\n  name: aws\n  runtime: provided.al2023\n  architecture: %s\n  memorySize: %s\n  timeout: %d\n",
		m.pick("arm64", "x86_64"), m.pick("128", "256", "1769"), 6+m.IntN(23))
	if m.inVPC {
		text.WriteString("  vpc: {securityGroupIds: [sg-1], subnetIds: [subnet-1]}\n")
	}
	text.WriteString("  environment:\n" + yamlMap(m.shared, 4) + "functions:\n")
	for _, name := range []string{"closeorder", "queryorder"} {
		fmt.Fprintf(&text, "  %s:\n    handler: bootstrap\n    package: {artifact: dist/lambda/%s.zip}\n    events:\n      - httpApi: 'POST /%s'\n", name, name, name)
		if m.hasStore {
			fmt.Fprintf(&text, "      - schedule: %s\n", m.pick("rate(1 minute)", "rate(5 minutes)", "cron(0/10 * * * ? *)", "{rate: rate(2 minutes), enabled: true}"))
		}
		if m.chance(20) {
			text.WriteString("      - sqs: {arn: 'arn:aws:sqs:ap-southeast-1:123456789012:q', functionResponseType: ReportBatchItemFailures}\n")
		}
	}
	if m.chance(60) {
		own := map[string]string{"CLOUDPAY_ROUTES": "paynotify,healthz"}
		m.forNotices(own)
		text.WriteString("  public:\n    handler: bootstrap\n    package: {artifact: dist/lambda/web.zip}\n    url: true\n    environment:\n" + yamlMap(own, 6))
	}
	f.files[f.main] = text.String()
}

// secret puts the secrets among the variables into files, as docs/containers.md has them.
func (m *maker) secret(f *folder) []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(m.shared)) {
		value, taken := m.values[name]
		isSecret := name == "CLOUDPAY_STORE" || name == "WXPAY_PRIVATE_KEY" || strings.HasSuffix(name, "TOKEN")
		if !isSecret || !taken {
			continue
		}
		file := strings.ToLower(strings.ReplaceAll(name, "_", "-"))
		f.files["secrets/"+file] = strings.Trim(value, "'") + m.pick("", "\n")
		delete(m.shared, name)
		delete(m.values, name)
		m.shared[name+"_FILE"] = "/run/secrets/" + file
		names = append(names, file)
	}
	return names
}

// compose makes a Compose file of web, the sweep and the migration.
func (m *maker) compose(f *folder) {
	m.choose("${%s:?}")
	f.main = m.pick("compose.yaml", "docker-compose.yml")
	delete(m.shared, "WXPAY_PRIVATE_KEY_FILE") // a mounted path that no container has
	if _, has := m.values["WXPAY_PRIVATE_KEY"]; m.isV3 && !has {
		m.take(m.shared, "WXPAY_PRIVATE_KEY", privatePEM(m.t, keyPair()[0]))
	}
	m.give(m.shared, "CLOUDPAY_HTTP_TOKEN", m.token())
	secrets := m.secret(f)
	own := map[string]string{"CLOUDPAY_ROUTES": "closeorder,queryorder,healthz"}
	if m.chance(50) {
		own["CLOUDPAY_ROUTES"] += ",paynotify"
		m.forNotices(own)
	}
	var text strings.Builder
	text.WriteString("x-environment: &environment\n" + yamlMap(m.shared, 2) + "services:\n")
	service := func(name, command string, vars map[string]string) {
		fmt.Fprintf(&text, "  %s:\n    image: cloudpay\n%s    secrets: [%s]\n    environment:\n      <<: *environment\n%s", name, command,
			strings.Join(secrets, ", "), yamlMap(vars, 6))
	}
	service("web", "    ports: [\"127.0.0.1:8080:8080\"]\n", own)
	if m.hasStore {
		service("sweep", "    command: [cloudpay, sweep, --every, 1m]\n", nil)
		service("migrate", "    command: cloudpay orders migrate\n", nil)
	}
	text.WriteString("secrets:\n")
	for _, file := range secrets {
		fmt.Fprintf(&text, "  %s: {file: secrets/%s}\n", file, file)
	}
	f.files[f.main] = text.String()
}

// kubernetes makes a file of a ConfigMap, web and the sweep.
func (m *maker) kubernetes(f *folder) {
	m.choose("${%s}")
	f.main = m.pick("kubernetes.yaml", "shop.yml")
	m.give(m.shared, "CLOUDPAY_HTTP_TOKEN", m.token())
	m.secret(f)
	config := map[string]string{}
	for name, text := range m.shared { // which fills in nothing
		config[name] = text
		if value, taken := m.values[name]; taken {
			config[name] = strings.Trim(value, "'")
		}
		if name == "CLOUDPAY_NOTIFY_KEY" || strings.HasSuffix(name, "V2_KEY") || strings.HasSuffix(name, "V3_KEY") {
			delete(config, name)
			config[name+"_FILE"] = "/run/secrets/" + strings.ToLower(name)
		}
		if strings.Contains(config[name], "\n") {
			config[name] = encoded(config[name])
		}
	}
	m.values = nil
	var text strings.Builder
	text.WriteString("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shop}\ndata:\n" + yamlMap(config, 2))
	container := func(kind, path, name, command string) {
		fmt.Fprintf(&text, "---\napiVersion: apps/v1\nkind: %s\nmetadata: {name: %s}\nspec: %s{containers: [{name: c, command: [%s], "+
			"envFrom: [{configMapRef: {name: shop}}%s], resources: {limits: {memory: %s}}}]}%s\n", kind, name, path, command,
			m.pick("", ", {secretRef: {name: shop-secrets}}"), m.pick("64Mi", "128Mi", "1Gi"), strings.Repeat("}", strings.Count(path, "{")))
	}
	container("Deployment", "{template: {spec: ", "shop-web", "web")
	if m.hasStore {
		container("CronJob", "{jobTemplate: {spec: {template: {spec: ", "shop-sweep", "cloudpay, sweep, --once")
	}
	f.files[f.main] = text.String()
}
