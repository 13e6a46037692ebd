import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.DefaultProfileValidationSupport;
import ca.uhn.fhir.context.support.IValidationSupport.IssueSeverity;
import ca.uhn.fhir.parser.IParser;
import ca.uhn.fhir.validation.FhirValidator;
import ca.uhn.fhir.validation.SingleValidationMessage;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.hl7.fhir.common.hapi.validation.support.CommonCodeSystemsTerminologyService;
import org.hl7.fhir.common.hapi.validation.support.InMemoryTerminologyServerValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.PrePopulatedValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.SnapshotGeneratingValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.UnknownCodeSystemWarningValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.ValidationSupportChain;
import org.hl7.fhir.common.hapi.validation.validator.FhirInstanceValidator;
import org.hl7.fhir.instance.model.api.IBaseResource;
import org.hl7.fhir.r4.model.CodeSystem;
import org.hl7.fhir.r4.model.Enumerations.PublicationStatus;
import org.hl7.fhir.r4.model.StructureDefinition;
import org.hl7.fhir.r4.model.ValueSet;
import org.hl7.fhir.r5.utils.validation.constants.BestPracticeWarningLevel;

/**
 * Judges FHIR R4 resources against R4 and the profiles that their meta.profile names.
 *
 * <p>{@code java -cp 'overrides:libs/*' Judge.java FOLDER…}: each FOLDER holds StructureDefinition, ValueSet and CodeSystem
 * files, in XML or JSON. First line out: {@code {"definitions": n}}. Then, for each line in, {@code {"id": …, "resource": "…"}},
 * the resource as JSON text, one line out: {@code {"id", "verdicts": [{"severity", "code", "path", "message", "profile"}]}}.
 * Last line out, when the input ends: {@code {"applied": [canonical, …]}}, the profiles of the folders that the validator
 * asked for.
 */
public final class Judge {
    /** Published without codes: with them loaded, every code of theirs would be an error. */
    private static final Set<String> EMPTY =
            Set.of("CodeSystem-UKCore-MessageEvent.xml", "CodeSystem-UKCore-MessageHeaderInstruction.xml");

    private static final Pattern PROFILE = Pattern.compile("https?://[^\\s'|]+/StructureDefinition/[^\\s'|,()]+");

    public static void main(String[] folders) throws IOException {
        FhirContext context = FhirContext.forR4();
        Definitions definitions = new Definitions(context);
        for (String folder : folders) {
            definitions.load(Path.of(folder));
        }
        definitions.stubFilteredSystems();
        FhirValidator validator = validator(context, definitions);
        ObjectMapper json = new ObjectMapper();
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        out.println(json.createObjectNode().put("definitions", definitions.count));
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        in.lines().toList().parallelStream().map(line -> judged(line, validator, json)).forEachOrdered(out::println);
        ObjectNode end = json.createObjectNode();
        definitions.applied.forEach(end.putArray("applied")::add);
        out.println(end);
    }

    private static ObjectNode judged(String line, FhirValidator validator, ObjectMapper json) {
        try {
            JsonNode job = json.readTree(line);
            ObjectNode answer = json.createObjectNode().put("id", job.get("id").asText());
            ArrayNode verdicts = answer.putArray("verdicts");
            validator.validateWithResult(job.get("resource").asText()).getMessages().forEach(
                    found -> verdicts.add(told(found, json)));
            return answer;
        } catch (IOException broken) {
            throw new UncheckedIOException(broken);
        }
    }

    private static ObjectNode told(SingleValidationMessage found, ObjectMapper json) {
        Matcher profile = PROFILE.matcher(found.getMessage());
        return json.createObjectNode()
                .put("severity", found.getSeverity().getCode())
                .put("code", found.getMessageId())
                .put("path", found.getLocationString())
                .put("message", found.getMessage())
                .put("profile", profile.find() ? profile.group() : null);
    }

    private static FhirValidator validator(FhirContext context, Definitions definitions) {
        UnknownCodeSystemWarningValidationSupport unknown = new UnknownCodeSystemWarningValidationSupport(context);
        unknown.setNonExistentCodeSystemSeverity(IssueSeverity.WARNING);
        FhirInstanceValidator instance = new FhirInstanceValidator(new ValidationSupportChain(
                new DefaultProfileValidationSupport(context),
                definitions,
                new CommonCodeSystemsTerminologyService(context),
                new InMemoryTerminologyServerValidationSupport(context),
                new SnapshotGeneratingValidationSupport(context),
                unknown));
        instance.setAnyExtensionsAllowed(true);
        instance.setAssumeValidRestReferences(true); // else `Observation.subject = Medication/1` passes
        instance.setErrorForUnknownProfiles(false); // a sender's own are no fault; the reader promotes the others
        instance.setBestPracticeWarningLevel(BestPracticeWarningLevel.Ignore);
        return context.newValidator().registerValidatorModule(instance);
    }

    /** What is published beside R4 itself, and which of its profiles were asked for. */
    private static final class Definitions extends PrePopulatedValidationSupport {
        private final Set<String> applied = new ConcurrentSkipListSet<>();
        private final Set<String> filtered = new TreeSet<>();
        private final FhirContext context;
        private int count;

        Definitions(FhirContext context) {
            super(context);
            this.context = context;
        }

        void load(Path folder) throws IOException {
            List<Path> files;
            try (Stream<Path> found = Files.walk(folder)) {
                files = found.filter(Files::isRegularFile).sorted().toList();
            }
            for (Path file : files) {
                String name = file.getFileName().toString();
                if (!EMPTY.contains(name)) {
                    IParser parser = name.endsWith(".json") ? context.newJsonParser() : context.newXmlParser();
                    add(parser.parseResource(Files.readString(file)));
                }
            }
        }

        private void add(IBaseResource read) {
            if (read instanceof StructureDefinition profile) {
                addStructureDefinition(profile);
            } else if (read instanceof CodeSystem system) {
                addCodeSystem(system);
            } else if (read instanceof ValueSet set) {
                addValueSet(set);
                set.getCompose().getInclude().stream()
                        .filter(include -> include.hasFilter())
                        .forEach(include -> filtered.add(include.getSystem()));
            } else {
                return;
            }
            count++;
        }

        /** A filter over a code system that is not there ends in a null pointer. */
        void stubFilteredSystems() {
            for (String url : filtered) {
                if (fetchCodeSystem(url) == null) {
                    CodeSystem stub = new CodeSystem().setUrl(url).setStatus(PublicationStatus.ACTIVE);
                    addCodeSystem(stub.setContent(CodeSystem.CodeSystemContentMode.NOTPRESENT));
                }
            }
        }

        @Override
        public IBaseResource fetchStructureDefinition(String url) {
            IBaseResource found = super.fetchStructureDefinition(url);
            if (found instanceof StructureDefinition profile) {
                applied.add(profile.getUrl());
            }
            return found;
        }
    }
}
