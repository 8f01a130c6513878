// valijson_lines - valijson behind the lines of schema_lines.c, as another opinion: S <schema>, V <value>.
#include <cstdio>
#include <iostream>
#include <memory>
#include <string>

#include <rapidjson/document.h>
#include <valijson/adapters/rapidjson_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

using Adapter = valijson::adapters::RapidJsonAdapter;

int main()
{
    std::string line;
    rapidjson::Document schema_text;
    std::unique_ptr<valijson::Schema> schema;
    while (std::getline(std::cin, line) && line.size() > 2) {
        rapidjson::Document document;
        document.Parse(line.c_str() + 2);
        if (line[0] == 'S') {
            schema.reset(new valijson::Schema);
            schema_text.CopyFrom(document, schema_text.GetAllocator());
            try {
                valijson::SchemaParser parser(valijson::SchemaParser::kDraft7);
                parser.populateSchema(Adapter(schema_text), *schema);
                std::puts("ok");
            } catch (const std::exception &wrong) {
                schema.reset();
                std::printf("refused %s\n", wrong.what());
            }
        } else if (!schema) {
            std::puts("no schema");
        } else {
            valijson::Validator validator;
            std::puts(validator.validate(*schema, Adapter(document), nullptr) ? "valid" : "invalid");
        }
    }
    return 0;
}
