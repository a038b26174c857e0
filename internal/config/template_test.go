package config_test

import (
	"errors"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudpay/internal/config"
	"cloudpay/internal/telemetry/telemetrytest"
)

// inOneLine is PEM as the template has it in a variable: one line, with \n spelt out.
func inOneLine(pem string) string { return strings.ReplaceAll(pem, "\n", `\n`) }

// migrating is an environment by the template's names, and migrated the same by ours. The template
// has more variables, for what it does besides.
func migrating() env {
	return env{
		"appId": "wx1234567890abcdef", "merchantId": "1900000001",
		"merchantSerialNumber": "5157F09EFDC096DE15EBE81A47057A7232F1B8E1",
		"apiV3Key":             v3Key, "privateKey": inOneLine(block("PRIVATE KEY")),
		"wxPayPublicKey": inOneLine(block("PUBLIC KEY")), "wxPayPublicKeyId": publicKeyID,
		"corsAllowOrigin": "https://a.example, https://b.example",
		"signMode":        "sdk", "service_app_id": "wx1234567890abcde0", "notifyURLPayURL": "https://shop.example/pay",
		"notifyURLRefundsURL": "https://shop.example/refund", "transferNotifyUrl": "https://shop.example/transfer", "PORT": "9000",
	}
}

func migrated() env {
	return env{
		"WXPAY_APPID": "wx1234567890abcdef", "WXPAY_MCHID": "1900000001",
		"WXPAY_SERIAL_NO": "5157F09EFDC096DE15EBE81A47057A7232F1B8E1",
		"WXPAY_V3_KEY":    v3Key, "WXPAY_PRIVATE_KEY": block("PRIVATE KEY"),
		"WXPAY_PUBLIC_KEY": block("PUBLIC KEY"), "WXPAY_PUBLIC_KEY_ID": publicKeyID,
		"CLOUDPAY_CORS_ORIGINS": "https://a.example, https://b.example",
	}
}

// loadTemplate is what functions/web does with an environment.
func (e env) loadTemplate(t *testing.T) (config.Config, error) {
	t.Helper()
	template := config.FromTemplate(e.entries())
	c, err := config.Load(template.Environ)
	err = template.Report(err)
	inUse(t)
	telemetrytest.Error(t, err)
	return c, err
}

// The template's variables make the configuration that ours make, and none of them is a misspelt
// one of ours. A variable of ours wins nothing by being set too.
func TestTemplateNames(t *testing.T) {
	t.Parallel()
	want := migrated().load(t)
	both := migrating()
	maps.Copy(both, migrated())
	for name, e := range map[string]env{
		"theirs":           migrating(),
		"both":             both,
		"ours in files":    both.without("WXPAY_PRIVATE_KEY", "WXPAY_V3_KEY").with("WXPAY_PRIVATE_KEY_FILE", writeFile(t, block("PRIVATE KEY"))).with("WXPAY_V3_KEY_FILE", writeFile(t, v3Key+"\n")),
		"ours as a path":   both.with("WXPAY_PRIVATE_KEY", writeFile(t, block("PRIVATE KEY"))),
		"ours in base64":   both.with("WXPAY_PRIVATE_KEY", encode(block("PRIVATE KEY"))),
		"theirs are empty": migrated().with("apiV3Key", " ").with("merchantId", ""),
	} {
		got, err := e.loadTemplate(t)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, got, compareSecrets()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// oursOf are our names by the template's.
var oursOf = map[string]string{
	"appId": "WXPAY_APPID", "merchantId": "WXPAY_MCHID", "merchantSerialNumber": "WXPAY_SERIAL_NO", "apiV3Key": "WXPAY_V3_KEY",
	"privateKey": "WXPAY_PRIVATE_KEY", "wxPayPublicKey": "WXPAY_PUBLIC_KEY", "wxPayPublicKeyId": "WXPAY_PUBLIC_KEY_ID",
	"corsAllowOrigin": "CLOUDPAY_CORS_ORIGINS",
}

// docs/dropin.md has a row for each.
func TestTemplateDocument(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/dropin.md")
	if err != nil {
		t.Fatal(err)
	}
	for theirs, ours := range oursOf {
		if row := "| `" + theirs + "` | `" + ours + "` |"; !strings.Contains(string(text), row) {
			t.Errorf("docs/dropin.md does not have the row %s", row)
		}
	}
}

// Each variable of the template that is set beside ours with another value is a fault, which names
// both and neither value.
func TestTemplateContradicts(t *testing.T) {
	t.Parallel()
	others := map[string]string{
		"appId": "wx1234567890abcde1", "merchantId": "1900000002", "merchantSerialNumber": "5157F09EFDC096DE15EBE81A47057A7232F1B8E2",
		"apiV3Key": strings.ToUpper(v3Key), "privateKey": inOneLine(block("RSA PRIVATE KEY")), "wxPayPublicKey": "no PEM at all",
		"wxPayPublicKeyId": publicKeyID + "7", "corsAllowOrigin": "https://a.example",
	}
	for theirs, variable := range oursOf {
		for form, e := range map[string]env{
			"":        migrated(),
			"in file": migrated().without(variable).with(variable+"_FILE", writeFile(t, migrated()[variable])),
		} {
			if form != "" && !strings.Contains(variable, "_KEY") || strings.HasSuffix(variable, "_ID") && form != "" {
				continue // it is not read from files
			}
			_, err := e.with(theirs, others[theirs]).loadTemplate(t)
			var faults *config.Faults
			if !errors.As(err, &faults) || len(faults.List) != 1 || faults.List[0].Variable != variable {
				t.Errorf("%s %s: got %v, want one fault of %s", theirs, form, err, variable)
				continue
			}
			line := faults.List[0].Wording()
			for _, text := range []string{line.EN, line.ZH} {
				if !strings.Contains(text, variable) || !strings.Contains(text, theirs) || strings.Contains(text, others[theirs]) {
					t.Errorf("%s %s: got %q, want both names and no value", theirs, form, text)
				}
			}
		}
	}
}

// A fault is reported under the name that is set, and one of a variable that is not set under ours.
func TestTemplateFaults(t *testing.T) {
	t.Parallel()
	e := migrating().with("apiV3Key", "short").with("merchantId", "a shop").without("privateKey")
	_, err := e.loadTemplate(t)
	var faults *config.Faults
	if !errors.As(err, &faults) {
		t.Fatalf("got %v, want faults", err)
	}
	var got []string
	for _, fault := range faults.List {
		got = append(got, fault.Variable)
	}
	slices.Sort(got)
	if diff := cmp.Diff([]string{"WXPAY_PRIVATE_KEY", "apiV3Key", "merchantId"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What is no report of faults is not made one, and no fault is no error.
func TestTemplateReport(t *testing.T) {
	t.Parallel()
	other := errors.New("not of the configuration")
	template := config.FromTemplate(migrating().entries())
	if got := template.Report(other); !errors.Is(got, other) {
		t.Errorf("got %v, want %v", got, other)
	}
	if got := template.Report(nil); got != nil {
		t.Errorf("got %v, want none", got)
	}
}

// Only a function that asks for it knows the template's names.
func TestTemplateNamesAreOptional(t *testing.T) {
	t.Parallel()
	if _, err := config.Load(migrating().entries()); err == nil {
		t.Error("Load took the template's names")
	}
}
