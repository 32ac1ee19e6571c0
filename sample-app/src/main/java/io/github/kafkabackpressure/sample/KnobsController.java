package io.github.kafkabackpressure.sample;

import org.springframework.http.HttpStatus;
import org.springframework.http.ProblemDetail;
import org.springframework.web.bind.annotation.ExceptionHandler;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PutMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RestController;

/** The knobs, for the page with the sliders. */
@RestController
@RequestMapping("/knobs")
class KnobsController {

    private final Knobs knobs;

    KnobsController(Knobs knobs) {
        this.knobs = knobs;
    }

    @GetMapping
    Knobs.Setting get() {
        return knobs.setting();
    }

    @PutMapping
    Knobs.Setting put(@RequestBody Knobs.Setting setting) {
        knobs.turn(setting);
        return setting;
    }

    @ExceptionHandler(IllegalArgumentException.class)
    ProblemDetail refused(IllegalArgumentException e) {
        return ProblemDetail.forStatusAndDetail(HttpStatus.BAD_REQUEST, String.valueOf(e.getMessage()));
    }
}
