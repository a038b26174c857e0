package deployfile

import (
	"bytes"
	"regexp"
	"strings"

	"github.com/joho/godotenv"

	"cloudpay/internal/bilingual"
)

// EnvFile is a file of NAME=value lines, such as .env.
type EnvFile struct {
	// Path is the file, as it was named.
	Path string
	// Values are its variables, and Lines where each is set last.
	Values map[string]string
	Lines  map[string]int
}

// ReadEnvFile reads a file of NAME=value lines, in the form that dotenv has in all languages: with
// export, quotes, comments, and values of several lines in quotes. The error quotes nothing of the
// file, which may hold secrets.
func ReadEnvFile(path string) (EnvFile, error) {
	text, err := readText(path)
	if err != nil {
		return EnvFile{}, err
	}
	values, err := godotenv.Parse(bytes.NewReader(text))
	if err != nil { // the library's message quotes the line
		return EnvFile{}, bilingual.Errorf("a line is not NAME=value", "有一行不是 名称=值")
	}
	lines := map[string]int{}
	for i, line := range strings.Split(string(text), "\n") {
		if set := assignment.FindStringSubmatch(line); set != nil {
			if _, is := values[set[1]]; is {
				lines[set[1]] = i + 1
			}
		}
	}
	return EnvFile{Path: path, Values: values, Lines: lines}, nil
}

// assignment matches the first line of a variable in a file.
var assignment = regexp.MustCompile(`^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*[=:]`)

// variableName is a name that the clouds accept, and reserved are the prefixes of their own (SCF
// doc "environment variables"; docs.aws.amazon.com/lambda, "configuration-envvars").
var variableName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)

var reserved = []string{
	"SCF_", "QCLOUD_", "TENCENTCLOUD_", "AWS_ACCESS_KEY", "AWS_DEFAULT_REGION", "AWS_EXECUTION_ENV", "AWS_LAMBDA_", "AWS_REGION",
	"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "LAMBDA_RUNTIME_DIR", "LAMBDA_TASK_ROOT",
}

// CheckVariable refuses the name of a variable that a cloud refuses.
func CheckVariable(name string) error {
	if !variableName.MatchString(name) {
		return bilingual.Errorf("%q must start with a letter and have only letters, digits and _", "%q 须以字母开头，且只含字母、数字与 _", name)
	}
	for _, prefix := range reserved {
		if strings.HasPrefix(name, prefix) {
			return bilingual.Errorf("%s: the prefix %s is the platform's own, and it refuses such names",
				"%s：前缀 %s 为平台保留，平台不接受", name, prefix)
		}
	}
	return nil
}
